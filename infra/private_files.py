"""Files that only their owner may read: passwords and keys."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
SECRET_BYTES = 32


def make_secret(path: Path) -> str:
    """Returns the secret of a file, which is made with its folder unless it exists. Raises OSError."""
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_private_once(path, new_secret() + "\n")
    return path.read_text().strip()


def new_secret() -> str:
    """Returns a random password or key as text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def write_private_once(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, unless it exists. Of several writers at once, one wins."""
    if path.exists():
        return
    temporary = _write_beside(path, text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, atomically. Of several writers at once, the last one wins."""
    _write_beside(path, text).replace(path)


def _write_beside(path: Path, text: str) -> Path:
    """Writes a private file with a name that no other writer has, in the folder of path."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w") as file:
        file.write(text)
    return temporary
