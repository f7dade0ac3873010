"""How every client connects to Kafka: where, as whom, with which password. librdkafka, aiokafka and Faust alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from infra.errors import SettingsError
from infra.kafka.credentials import read_password
from infra.principal import process_principal
from infra.settings import Settings

if TYPE_CHECKING:
    from faust import SASLCredentials

PROTOCOL = "SASL_PLAINTEXT"
MECHANISM = "SCRAM-SHA-512"
LOG_CRITICAL = 2


class Login(NamedTuple):
    """A principal and its password."""

    principal: str
    password: str


def login(settings: Settings, principal: str = "") -> Login | None:
    """Who connects: the given principal, else KAFKA_PRINCIPAL, else the command's own; None without KAFKA_SECURITY.

    Raises:
        SettingsError: nobody says who, or there is no password.
    """
    if settings.kafka_security == "plaintext":
        return None
    name = principal or settings.kafka_principal or process_principal()
    if not name:
        raise SettingsError("KAFKA_SECURITY=scram: nothing says who connects; set KAFKA_PRINCIPAL (docs/access.md)")
    return Login(name, read_password(settings, name))


def client_config(settings: Settings, principal: str = "") -> dict[str, Any]:
    """What a client of confluent-kafka needs to connect. Raises SettingsError, as login does."""
    config: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap_servers}
    who = login(settings, principal)
    if who is None:
        return config
    return config | {
        "security.protocol": PROTOCOL,
        "sasl.mechanism": MECHANISM,
        "sasl.username": who.principal,
        "sasl.password": who.password,
    }


def brief_client_config(settings: Settings) -> dict[str, Any]:
    """client_config for a consumer that is closed after a moment.

    librdkafka logs a login that closing cuts off as an error; real ones are raised by what the consumer is asked.
    """
    config = client_config(settings)
    return config if settings.kafka_security == "plaintext" else config | {"log_level": LOG_CRITICAL}


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """What a client of aiokafka needs to connect. Raises SettingsError, as login does."""
    options: dict[str, Any] = {"bootstrap_servers": settings.kafka_bootstrap_servers}
    who = login(settings)
    if who is None:
        return options
    return options | {
        "security_protocol": PROTOCOL,
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": who.principal,
        "sasl_plain_password": who.password,
    }


def faust_credentials(settings: Settings) -> SASLCredentials | None:
    """A Faust application's broker_credentials. Raises SettingsError, as login does."""
    from faust import SASLCredentials

    who = login(settings)
    if who is None:
        return None
    return SASLCredentials(username=who.principal, password=who.password, mechanism=MECHANISM)
