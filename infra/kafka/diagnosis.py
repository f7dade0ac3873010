"""Diagnosis of Kafka failures: messages that name the setting to correct."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from infra.errors import SettingsError
from infra.kafka.client_config import client_config, login, silence
from infra.kafka.credentials import password_file
from infra.settings import Settings
from infra.short_command import listens

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

PROBE_S = 3.0
POLL_S = 0.2
NOT_ALLOWED = "authorization failed"


def advice(settings: Settings, failure: str) -> str:
    """Returns advice on a failure of a Kafka client; empty if the cause is unknown. Takes up to PROBE_S."""
    who = login(settings)
    if who is not None and NOT_ALLOWED in failure.lower():
        return f"{who.principal} may not do this; {_other_rights(settings)}"
    where = settings.kafka_bootstrap_servers
    if connection_errors(settings) is None:
        return ""
    if settings.kafka_security == "plaintext" and listens(settings.kafka_host_port, PROBE_S):
        return (
            f"Kafka at {where} closes the connection: if it demands a login, set KAFKA_SECURITY=scram or sasl; if it "
            "speaks TLS, set KAFKA_TLS=true"
        )
    return silence(settings)


def _other_rights(settings: Settings) -> str:
    if settings.kafka_security == "sasl":
        return "give it the rights that docs/deploy.md lists"
    return "set KAFKA_PRINCIPAL to another principal (docs/access.md)"


def demand_login(settings: Settings) -> None:
    """Checks at once whether the broker accepts the password; clients would retry for long before they fail.

    Ignores a broker that does not answer: the client may wait for it. Does nothing without KAFKA_SECURITY.

    Raises:
        SettingsError: the broker refuses the password, or there is none.
    """
    from confluent_kafka import KafkaError

    who = login(settings)
    if who is None:
        return
    for error in connection_errors(settings) or ():
        if error.code() == KafkaError._AUTHENTICATION:
            raise SettingsError(
                f"Kafka at {settings.kafka_bootstrap_servers} refuses {who.principal}: {error.str()}; "
                f"{_remedy(settings, who.principal)}"
            )


def _remedy(settings: Settings, principal: str) -> str:
    if settings.kafka_security == "sasl":
        return "check KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_SASL_MECHANISM"
    return (
        f"check the password in {password_file(settings, principal)}, KAFKA_PRINCIPAL, and that KAFKA_SECURITY is the "
        "one that the broker was started with"
    )


def connection_errors(settings: Settings) -> list[KafkaError] | None:
    """Returns the errors of connection attempts within PROBE_S; None if an attempt succeeds."""
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient

    errors: list[KafkaError] = []
    client = AdminClient(client_config(settings) | {"error_cb": errors.append, "log_level": 0})
    deadline = time.monotonic() + PROBE_S
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=POLL_S)
        except KafkaException:
            client.poll(0)
            if any(error.code() == KafkaError._AUTHENTICATION for error in errors):
                break
        else:
            return None
    return errors
