"""The keys of the gate and of approvers: makes them, lists their public halves, signs with their private halves.

A private half is a file of PAPER_HOME/gate-keys that only its owner may read (PKCS #8, PEM). The public halves stand in
the file that the workers' configuration reads.
"""

import json
import re
import stat
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from infra.private_files import PRIVATE_FOLDER, write_private, write_private_once
from infra.private_home import private_home
from infra.settings import Settings
from streams.core.accounts.signed_documents import key_id, signed_bytes
from streams.core.reference.gate_config import GateConfig
from streams.errors import InputError
from streams.pipeline.reference.gate_keys_file import load_gate

GATE = "gate"
APPROVER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")
PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
HEAD = """\
# Public halves of the keys whose signatures count at the gate. `paper gate keys` writes this file; workers read it when
# they start. keys: sign decisions. approvers: sign approvals; an approver's key never signs decisions.
"""


class Signature(NamedTuple):
    """A signature over a text, in Base64, with the id of its key."""

    key_id: str
    value: str


class Signer:
    """A private key. public_key: its public half, as hexadecimal digits."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_key = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, text: str) -> Signature:
        """Signs a text."""
        return Signature(key_id(self.public_key), b64encode(self._private.sign(signed_bytes(text))).decode())


def gate_key_file(settings: Settings) -> Path:
    """Returns the path of the gate's private key."""
    return _folder(settings) / f"{GATE}.pem"


def approver_key_file(settings: Settings, name: str) -> Path:
    """Returns the path of an approver's private key. Raises InputError for a name that can't be one."""
    if APPROVER.fullmatch(name) is None:
        raise InputError(f"approver {name!r}: a name has 1 to 64 letters, digits and _ . @ -, and no sign in front")
    return _folder(settings) / "approvers" / f"{name}.pem"


def make_gate_key(settings: Settings) -> str:
    """Makes the gate's key unless there is one, and lists it. Returns its public half."""
    public = _made(settings, gate_key_file(settings))
    gate = load_gate(settings)
    if public not in gate.keys:
        _write_public(settings, (*gate.keys, public), gate.approvers)
    return public


def make_approver_key(settings: Settings, name: str) -> str:
    """Makes an approver's key unless there is one, and lists it. Returns its public half. Raises InputError."""
    public = _made(settings, approver_key_file(settings, name))
    list_approver(settings, name, public)
    return public


def list_approver(settings: Settings, name: str, public: str) -> None:
    """Lists the public half of an approver's key. Raises InputError if another key has the name, or it is no key."""
    approver_key_file(settings, name)
    if PUBLIC_KEY.fullmatch(public) is None:
        raise InputError(f"approver {name}: {public!r} is no public key of 64 hexadecimal digits")
    gate = load_gate(settings)
    known = gate.approvers.get(name)
    if known not in (None, public):
        text = f"approver {name} is listed with another key; remove it from {settings.gate_keys} if it is lost"
        raise InputError(text)
    if public in gate.keys:
        raise InputError(f"approver {name}: that is the gate's key; an approval needs a key of its own")
    if known is None:
        _write_public(settings, gate.keys, gate.approvers | {name: public})


def gate_signer(settings: Settings) -> Signer | None:
    """Returns the gate's key; None if this computer has none. Raises InputError if others may read it."""
    path = gate_key_file(settings)
    return read_signer(path) if path.exists() else None


def listed_signer(settings: Settings, gate: GateConfig) -> Signer | None:
    """Returns the gate's key if shards take its signatures; else None. Raises InputError as gate_signer does."""
    signer = gate_signer(settings)
    return signer if signer is not None and signer.public_key in gate.keys else None


def read_signer(path: Path) -> Signer:
    """Reads a private key. Raises InputError if it is missing, no Ed25519 key, or readable by others."""
    try:
        mode, content = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
        private = load_pem_private_key(content, None)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; `paper gate keys` makes keys") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: no private key without a passphrase, in PEM; `paper gate keys` makes one") from error
    if mode & 0o077:
        raise InputError(f"{path}: others may read this private key; `chmod 600 {path}`, or make a new one")
    if not isinstance(private, Ed25519PrivateKey):
        raise InputError(f"{path}: no Ed25519 key; `paper gate keys` makes one")
    return Signer(private)


def _made(settings: Settings, path: Path) -> str:
    private_home(settings)
    for folder in (_folder(settings), path.parent):
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    write_private_once(path, pem)
    return read_signer(path).public_key


def _folder(settings: Settings) -> Path:
    return settings.paper_home / "gate-keys"


def _write_public(settings: Settings, keys: tuple[str, ...], approvers: Mapping[str, str]) -> None:
    GateConfig(keys=keys, approvers=dict(approvers))
    lines = [HEAD, f"keys = {json.dumps(list(keys))}\n", "\n[approvers]\n"]
    lines += [f"{json.dumps(name)} = {json.dumps(key)}\n" for name, key in sorted(approvers.items())]
    settings.gate_keys.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_private(settings.gate_keys, "".join(lines))
