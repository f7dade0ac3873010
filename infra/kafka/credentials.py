"""Passwords of principals: one file each in PAPER_HOME, readable only by its owner."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from infra.errors import SettingsError
from infra.private_home import private_home
from infra.settings import Settings

PASSWORD_BYTES = 32
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


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
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    path = password_file(settings, principal)
    private_home(settings)
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_private(path, password + "\n")
    return password


def write_private_once(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, unless it exists. Of several writers at once, one wins."""
    if path.exists():
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    write_private(temporary, text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, atomically."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w") as file:
        file.write(text)
    temporary.replace(path)
