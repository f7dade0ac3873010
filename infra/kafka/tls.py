"""TLS of Kafka connections, for librdkafka as properties and for aiokafka as a context."""

from __future__ import annotations

import ssl

from infra.errors import SettingsError
from infra.settings import Settings


def tls_properties(settings: Settings) -> dict[str, str]:
    """Returns librdkafka's properties for KAFKA_TLS; nothing without it.

    Raises:
        SettingsError: a file is missing or unreadable, or one of certificate and key is not set.
    """
    if not settings.kafka_tls:
        return {}
    tls_context(settings)  # librdkafka's own errors do not name the setting.
    properties = {
        "ssl.endpoint.identification.algorithm": "https" if settings.kafka_tls_check_host else "none",
        "ssl.ca.location": settings.kafka_ca_file,
        "ssl.certificate.location": settings.kafka_certificate_file,
        "ssl.key.location": settings.kafka_key_file,
        "ssl.key.password": settings.kafka_key_password,
    }
    return {name: value for name, value in properties.items() if value}


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Returns the context of KAFKA_TLS; None without it. Raises SettingsError as tls_properties does."""
    if not settings.kafka_tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
    except OSError as error:
        raise SettingsError(f"KAFKA_CA_FILE={settings.kafka_ca_file}: {error}; name a readable PEM file") from error
    context.check_hostname = settings.kafka_tls_check_host
    certificate, key = settings.kafka_certificate_file, settings.kafka_key_file
    if bool(certificate) != bool(key):
        raise SettingsError("KAFKA_CERTIFICATE_FILE and KAFKA_KEY_FILE belong together; set both or none")
    if certificate:
        try:
            context.load_cert_chain(certificate, key, settings.kafka_key_password)
        except OSError as error:
            raise SettingsError(
                f"KAFKA_CERTIFICATE_FILE={certificate}, KAFKA_KEY_FILE={key}: {error}; name readable PEM files that "
                "belong together, and set KAFKA_KEY_PASSWORD if the key has one"
            ) from error
    return context
