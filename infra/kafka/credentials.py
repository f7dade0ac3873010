"""Passwords of principals: one file each in PAPER_HOME, readable only by its owner."""

from __future__ import annotations

from pathlib import Path

from infra.errors import SettingsError
from infra.private_files import PRIVATE_FOLDER, new_secret, write_private
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
    """Returns a new random password for a principal, and writes it to the principal's file."""
    password = new_secret()
    path = password_file(settings, principal)
    private_home(settings)
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_private(path, password + "\n")
    return password
