"""Why Kafka does not do what a command asked, in words that name the setting to correct."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from infra.kafka.client import client_config, login
from infra.kafka.credentials import password_file
from infra.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

PROBE_S = 3.0
POLL_S = 0.2
NOT_ALLOWED = "authorization failed"


def advice(settings: Settings, failure: str) -> str:
    """What stands behind a failure of a Kafka client, empty where that is not known. Takes up to PROBE_S."""
    who = login(settings)
    if NOT_ALLOWED in failure.lower():
        name = who.principal if who else "without KAFKA_SECURITY=scram, a client"
        return f"{name} may not do this; KAFKA_PRINCIPAL names another principal (docs/access.md)"
    return connection_complaint(settings)


def connection_complaint(settings: Settings) -> str:
    """Why no connection comes about, empty where one does. Raises SettingsError, as infra.kafka.client.login does."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    errors: list[KafkaError] = []
    client = AdminClient(client_config(settings) | {"error_cb": errors.append, "log_level": 0})
    deadline = time.monotonic() + PROBE_S
    while True:
        try:
            client.list_topics(timeout=POLL_S)
        except KafkaException:
            client.poll(0)
            sentence = _refusal(settings, errors)
            if sentence or time.monotonic() > deadline:
                return sentence or _silence(settings)
        else:
            return ""


def _refusal(settings: Settings, errors: list[KafkaError]) -> str:
    from confluent_kafka import KafkaError

    where = settings.kafka_bootstrap_servers
    who = login(settings)
    for error in errors:
        if who is not None and error.code() == KafkaError._AUTHENTICATION:
            return (
                f"Kafka at {where} refuses {who.principal}: {error.str()}; its password here is in "
                f"{password_file(settings, who.principal)}, KAFKA_PRINCIPAL names another principal, and "
                "KAFKA_SECURITY must be the broker's"
            )
        if who is None and "require SASL" in error.str():
            return f"Kafka at {where} asks who connects: set KAFKA_SECURITY=scram (docs/access.md)"
    return ""


def _silence(settings: Settings) -> str:
    return (
        f"Kafka at {settings.kafka_bootstrap_servers} does not answer: `paper up` starts the local one, "
        "KAFKA_BOOTSTRAP_SERVERS names another"
    )
