"""Passwords of principals: one file each in PAPER_HOME, which only its owner may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from infra.errors import SettingsError
from infra.settings import Settings

PASSWORD_BYTES = 32
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def password_file(settings: Settings, principal: str) -> Path:
    """Where a principal's password is. `paper down --purge` deletes it with the storage that knows it."""
    return settings.paper_home / "kafka" / "credentials" / principal


def read_password(settings: Settings, principal: str) -> str:
    """A principal's password.

    Raises:
        SettingsError: there is none here, or it may not be read.
    """
    path = password_file(settings, principal)
    try:
        return path.read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"KAFKA_SECURITY=scram: no password of principal {principal}: {path}: {error.strerror}; `paper up` makes "
            "it for the local stack, of another cluster put it there; KAFKA_PRINCIPAL names another principal"
        ) from error


def make_password(settings: Settings, principal: str) -> str:
    """A new random password of a principal, kept in its file."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    path = password_file(settings, principal)
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_private(path, password + "\n")
    return password


def write_private(path: Path, text: str) -> None:
    """Replaces a file by one that only its owner may read, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w") as file:
        file.write(text)
    temporary.replace(path)
