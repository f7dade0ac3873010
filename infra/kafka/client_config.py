"""Connection settings of all Kafka clients (librdkafka, aiokafka, Faust): address, TLS, login."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.errors import KafkaUnavailable, SettingsError
from infra.kafka.credentials import read_password
from infra.kafka.tls import tls_context, tls_properties
from infra.kafka.tokens import demand_provider, token_provider, token_with_end_s
from infra.log_lines import LIBRDKAFKA
from infra.principal import process_principal
from infra.settings import Settings
from infra.short_command import finds, is_short

if TYPE_CHECKING:
    from faust.types.auth import CredentialsT

PROTOCOL = "SASL_PLAINTEXT"
MECHANISM = "SCRAM-SHA-512"
TOKEN_MECHANISM = "OAUTHBEARER"
LOG_CRITICAL = 2
SILENT = {"log_level": 0}


class Login(NamedTuple):
    """A principal and its password."""

    principal: str
    password: str


def login(settings: Settings, principal: str = "") -> Login | None:
    """Returns the login of the given principal, else of KAFKA_PRINCIPAL, else of the command's default principal.

    Under KAFKA_SECURITY=sasl it is KAFKA_USERNAME's for everybody. Returns None without a password: without
    KAFKA_SECURITY, and with tokens.

    Raises:
        SettingsError: no principal is set, or it has no password.
    """
    if settings.kafka_security == "plaintext":
        return None
    if settings.kafka_security == "sasl":
        return _common_login(settings)
    name = principal or settings.kafka_principal or process_principal()
    if not name:
        raise SettingsError("KAFKA_SECURITY=scram needs a principal; set KAFKA_PRINCIPAL (docs/access.md)")
    return Login(name, read_password(settings, name))


def _common_login(settings: Settings) -> Login | None:
    mechanism = settings.kafka_sasl_mechanism
    if mechanism in ("PLAIN", TOKEN_MECHANISM) and not settings.kafka_tls:
        raise SettingsError(f"KAFKA_SASL_MECHANISM={mechanism} shows its secret to the network; set KAFKA_TLS=true")
    if mechanism == TOKEN_MECHANISM:
        demand_provider(settings)
        return None
    if not (settings.kafka_username and settings.kafka_password):
        raise SettingsError(f"KAFKA_SASL_MECHANISM={mechanism} needs KAFKA_USERNAME and KAFKA_PASSWORD; set both")
    return Login(settings.kafka_username, settings.kafka_password)


def _mechanism(settings: Settings) -> str:
    return settings.kafka_sasl_mechanism if settings.kafka_security == "sasl" else MECHANISM


def _protocol(settings: Settings) -> str:
    transport = "SSL" if settings.kafka_tls else "PLAINTEXT"
    return transport if settings.kafka_security == "plaintext" else f"SASL_{transport}"


def client_config(settings: Settings, principal: str = "") -> dict[str, Any]:
    """Returns the connection settings of a confluent-kafka client.

    The client writes nothing to the terminal past the commands' own words, but what is critical, and in a short command
    nothing at all: its errors are raised by its methods.

    Raises SettingsError as login does, and KafkaUnavailable if a short command finds no broker.
    """
    config: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap_servers}
    if settings.log_format == "json":
        config["logger"] = logging.getLogger(LIBRDKAFKA)
    else:
        config["log_level"] = LOG_CRITICAL
    if is_short():
        demand_broker(settings)
        config |= SILENT
    who = login(settings, principal)
    protocol = _protocol(settings)
    if protocol == "PLAINTEXT":
        return config
    config |= {"security.protocol": protocol, **tls_properties(settings)}
    if settings.kafka_security == "plaintext":
        return config
    config |= {"sasl.mechanism": _mechanism(settings)}
    if who is None:
        return config | {"oauth_cb": lambda _: token_with_end_s(settings)}
    return config | {"sasl.username": who.principal, "sasl.password": who.password}


def demand_broker(settings: Settings) -> None:
    """Checks at once that a broker listens. Raises KafkaUnavailable."""
    if not finds(settings.kafka_addresses):
        raise KafkaUnavailable(silence(settings))


def silence(settings: Settings) -> str:
    """Returns the sentence on a broker that does not answer, with the remedy."""
    return (
        f"Kafka at {settings.kafka_bootstrap_servers} does not answer: start the local one with `paper up`, or set "
        "KAFKA_BOOTSTRAP_SERVERS to another"
    )


def brief_client_config(settings: Settings) -> dict[str, Any]:
    """Returns client_config for a consumer that is closed soon.

    librdkafka logs an error if closing interrupts a login. Such errors are silenced here: real ones are raised by the
    consumer's methods.
    """
    config = client_config(settings)
    return config if settings.kafka_security == "plaintext" or is_short() else config | {"log_level": LOG_CRITICAL}


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Returns the connection settings of an aiokafka client. Raises as client_config does."""
    if is_short():
        demand_broker(settings)
    options: dict[str, Any] = {"bootstrap_servers": settings.kafka_bootstrap_servers}
    who = login(settings)
    protocol = _protocol(settings)
    if protocol == "PLAINTEXT":
        return options
    options |= {"security_protocol": protocol, "ssl_context": tls_context(settings)}
    if settings.kafka_security == "plaintext":
        return options
    options |= {"sasl_mechanism": _mechanism(settings)}
    if who is None:
        return options | {"sasl_oauth_token_provider": token_provider(settings)}
    return options | {"sasl_plain_username": who.principal, "sasl_plain_password": who.password}


def faust_credentials(settings: Settings) -> CredentialsT | None:
    """Returns the broker_credentials of a Faust application. Raises SettingsError as login does."""
    from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials

    who = login(settings)
    context = tls_context(settings)
    if settings.kafka_security == "plaintext":
        return SSLCredentials(context) if context else None
    if who is None:
        return OAuthCredentials(oauth_cb=token_provider(settings), ssl_context=context)
    return SASLCredentials(
        username=who.principal, password=who.password, mechanism=_mechanism(settings), ssl_context=context
    )
