"""Passwords of principals: one file each in PAPER_HOME, readable only by its owner."""

from __future__ import annotations

from pathlib import Path

from infra.errors import SettingsError
from infra.private_files import make_secret
from infra.private_home import private_home
from infra.settings import Settings


def password_file(settings: Settings, principal: str) -> Path:
    """Returns the path of a principal's password. `paper down --purge` deletes it with Kafka's storage."""
    return settings.paper_home / "kafka" / "credentials" / principal


def read_password(settings: Settings, principal: str) -> str:
    """Returns a principal's password.

    Raises:
        SettingsError: the password file is missing or unreadable.
    """
    path = password_file(settings, principal)
    try:
        return path.read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"KAFKA_SECURITY=scram: principal {principal} has no password: {path}: {error.strerror}; `paper up` writes "
            "it for the local stack; for another cluster, put the password there, or set KAFKA_PRINCIPAL"
        ) from error


def make_password(settings: Settings, principal: str) -> str:
    """Returns a principal's password, which is made unless its file exists. Brokers that start at once share one."""
    private_home(settings)
    return make_secret(password_file(settings, principal))
