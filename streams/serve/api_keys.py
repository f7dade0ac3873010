"""The keys of the HTTP service: each has a role, a trader's one account, and only a hash of its secret is kept."""

from __future__ import annotations

import hmac
import json
import secrets
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.private_files import PRIVATE_FOLDER, write_private
from infra.private_home import private_home
from infra.settings import Settings
from schemas.records.bounds import ID_CHARS_MAX
from schemas.records.entry_checks import text_problem
from streams.errors import InputError

KEY_ID_BYTES, SECRET_BYTES = 10, 30
NO_SECRET = sha256(b"").hexdigest()


class KeyRole(StrEnum):
    """The role of a key. A trader trades for one account; an operator stops and resumes accounts; a reader reads."""

    TRADER = "trader"
    OPERATOR = "operator"
    READER = "reader"


class ApiKey(BaseModel):
    """A key as it is stored. secret_sha256: hexadecimal digits; the secret itself is random and shown once.

    account_id: a trader's account; else the name of the person, who sees all accounts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    account_id: str
    secret_sha256: str
    role: KeyRole = KeyRole.TRADER

    def sees(self, account_id: str) -> bool:
        """Returns whether the key may read an account."""
        return self.role is not KeyRole.TRADER or account_id == self.account_id

    def trades(self, account_id: str) -> bool:
        """Returns whether the key may send orders of an account."""
        return self.role is KeyRole.TRADER and account_id == self.account_id


class ApiKeys:
    """The keys of PAPER_HOME. A change of the file counts from the next request on, in every process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = settings.paper_home / "access" / "api-keys.json"
        self._read_at: tuple[int, int] | None = None
        self._keys: dict[str, ApiKey] = {}

    @property
    def path(self) -> Path:
        """The file of the keys."""
        return self._path

    def all(self) -> list[ApiKey]:
        """Returns the keys, by account. Raises InputError if the file is broken."""
        self._refresh()
        return sorted(self._keys.values(), key=lambda key: (key.account_id, key.key_id))

    def make(self, account_id: str, role: KeyRole = KeyRole.TRADER) -> tuple[str, str]:
        """Makes a key for an account, or for a person of another role. Returns its id and secret. Raises InputError."""
        problem = text_problem(account_id, ID_CHARS_MAX) if account_id else "is empty"
        if problem is not None:
            raise InputError(f"account {account_id!r}: the text {problem}; give the id of an account")
        self._refresh()
        key_id, secret = f"PK{secrets.token_hex(KEY_ID_BYTES).upper()}", secrets.token_urlsafe(SECRET_BYTES)
        key = ApiKey(key_id=key_id, account_id=account_id, secret_sha256=_digest(secret), role=role)
        self._write({**self._keys, key_id: key})
        return key_id, secret

    def revoke(self, key_id: str) -> None:
        """Takes a key away. Raises InputError if there is none with this id."""
        self._refresh()
        if key_id not in self._keys:
            raise InputError(f"no key has the id {key_id!r}; `paper access keys` lists them")
        self._write({name: key for name, key in self._keys.items() if name != key_id})

    def account_of(self, key_id: str, secret: str) -> str | None:
        """Returns the account of a trader's key; None if the key or its secret is wrong."""
        key = self.checked(key_id, secret)
        return key.account_id if key is not None and key.role is KeyRole.TRADER else None

    def checked(self, key_id: str, secret: str) -> ApiKey | None:
        """Returns a key; None if its id or its secret is wrong."""
        key = self.named(key_id)
        expected = NO_SECRET if key is None else key.secret_sha256
        return key if hmac.compare_digest(expected, _digest(secret)) else None

    def named(self, key_id: str) -> ApiKey | None:
        """Returns a key by its id; None if it was revoked or never made."""
        self._refresh()
        return self._keys.get(key_id)

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._keys, self._read_at = {}, None
            return
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._read_at:
            self._keys, self._read_at = self._read(), stamp

    def _read(self) -> dict[str, ApiKey]:
        try:
            keys = [ApiKey.model_validate(item) for item in json.loads(self._path.read_text())]
        except (ValueError, ValidationError, TypeError) as error:
            raise InputError(f"{self._path}: {error}; remove the file and make new keys") from error
        return {key.key_id: key for key in keys}

    def _write(self, keys: dict[str, ApiKey]) -> None:
        private_home(self._settings)
        self._path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        write_private(self._path, json.dumps([key.model_dump() for key in keys.values()], indent=1) + "\n")


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
