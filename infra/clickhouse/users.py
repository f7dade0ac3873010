"""The users of ClickHouse and their passwords: one file each in PAPER_HOME, which only its owner may read."""

from __future__ import annotations

from pathlib import Path

from infra.errors import SettingsError
from infra.private_files import make_secret
from infra.settings import Settings

FOLDER = "clickhouse-credentials"
PAPER = "paper"
"""The pipeline's user, which creates tables and writes rows."""
READER = "reader"
"""The user of Grafana and of people, which only reads, within limits."""
USERS = (PAPER, READER)


def credentials_folder(settings: Settings) -> Path:
    """Returns the folder of the password files. `paper down --purge` deletes it with ClickHouse's data."""
    return settings.paper_home / FOLDER


def make_passwords(folder: Path) -> None:
    """Writes a random password for each user that has none."""
    for user in USERS:
        make_secret(folder / user)


def read_password(folder: Path, user: str) -> str:
    """Returns the password of a user.

    Raises:
        SettingsError: the file is missing, unreadable or empty.
    """
    path = folder / user
    try:
        password = path.read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"ClickHouse's user {user} has no password: {path}: {error.strerror}; `paper up` writes it for the local "
            "stack; for another server, put the password there, or into CLICKHOUSE_URL (http://USER:PASSWORD@HOST:PORT)"
        ) from error
    if not password:
        raise SettingsError(f"{path}: the password of ClickHouse's user {user} is empty; delete it, run `paper up`")
    return password
