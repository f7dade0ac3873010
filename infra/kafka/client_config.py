"""Connection settings of all Kafka clients (librdkafka, aiokafka, Faust): address, principal and password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from infra.errors import KafkaUnavailable, SettingsError
from infra.kafka.credentials import read_password
from infra.principal import process_principal
from infra.settings import Settings
from infra.short_command import finds, is_short

if TYPE_CHECKING:
    from faust import SASLCredentials

PROTOCOL = "SASL_PLAINTEXT"
MECHANISM = "SCRAM-SHA-512"
LOG_CRITICAL = 2
SILENT = {"log_level": 0}


class Login(NamedTuple):
    """A principal and its password."""

    principal: str
    password: str


def login(settings: Settings, principal: str = "") -> Login | None:
    """Returns the login of the given principal, else of KAFKA_PRINCIPAL, else of the command's default principal.

    Returns None without KAFKA_SECURITY.

    Raises:
        SettingsError: no principal is set, or it has no password.
    """
    if settings.kafka_security == "plaintext":
        return None
    name = principal or settings.kafka_principal or process_principal()
    if not name:
        raise SettingsError("KAFKA_SECURITY=scram needs a principal; set KAFKA_PRINCIPAL (docs/access.md)")
    return Login(name, read_password(settings, name))


def client_config(settings: Settings, principal: str = "") -> dict[str, Any]:
    """Returns the connection settings of a confluent-kafka client. In a short command the client writes no log.

    Raises SettingsError as login does, and KafkaUnavailable if a short command finds no broker.
    """
    config: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap_servers}
    if is_short():
        demand_broker(settings)
        config |= SILENT
    who = login(settings, principal)
    if who is None:
        return config
    return config | {
        "security.protocol": PROTOCOL,
        "sasl.mechanism": MECHANISM,
        "sasl.username": who.principal,
        "sasl.password": who.password,
    }


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
    if who is None:
        return options
    return options | {
        "security_protocol": PROTOCOL,
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": who.principal,
        "sasl_plain_password": who.password,
    }


def faust_credentials(settings: Settings) -> SASLCredentials | None:
    """Returns the broker_credentials of a Faust application. Raises SettingsError as login does."""
    from faust import SASLCredentials

    who = login(settings)
    if who is None:
        return None
    return SASLCredentials(username=who.principal, password=who.password, mechanism=MECHANISM)
