"""The gate's signed documents: their form, what exactly is signed, and whose key has signed.

Ed25519 (RFC 8032) by the library `cryptography`. Whoever verifies needs no secret and no random number, so a replay
finds the same again.
"""

from base64 import b64decode
from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import AfterValidator, Field

from schemas.records.bounds import TIME_MAX_NS
from schemas.records.enums import TradingLevel, TradingMode
from streams.core.accounts.state.authorisations import check_level
from streams.core.reference.fields import Frozen

SIGNED_AS: Final = b"paper-trading-streams authorisation 1\0"
"""Precedes the signed text, so that no signature over anything else counts here."""
KEY_ID_DIGITS: Final = 16
Text = Annotated[str, Field(min_length=1)]
Time = Annotated[int, Field(ge=0, le=TIME_MAX_NS)]


def _reducible(limits: dict[str, str]) -> dict[str, str]:
    check_level(limits)
    return limits


class DecisionDocument(Frozen):
    """A decision of the gate, as it is signed.

    It holds for one account, code, set of parameters and run. decided_ts, expires_ts: UTC nanoseconds. evaluator: the
    name of who evaluated. The other hashes say what was judged.
    """

    kind: Literal["DECISION"]
    strategy_id: Text
    decision_id: Text
    level: TradingLevel
    mode: TradingMode
    limits: Annotated[dict[str, str], AfterValidator(_reducible)]
    run_id: Text
    account_id: Text
    code_sha256: str | None
    parameters_sha256: str | None
    decided_ts: Time
    expires_ts: Time
    evaluator: Text
    settings_sha256: str | None
    criteria_sha256: str
    evidence_sha256: str
    proof_sha256: str | None


class ApprovalDocument(Frozen):
    """A person's approval of one decision, which decision_sha256 names by the hash of its signed text."""

    kind: Literal["APPROVAL"]
    strategy_id: Text
    decision_id: Text
    decision_sha256: Text
    run_id: Text
    reason: Text


def text_sha256(text: str) -> str:
    """Returns the SHA-256 of a signed text."""
    return sha256(text.encode()).hexdigest()


def parameters_sha256(parameters: str | None) -> str | None:
    """Returns the SHA-256 by which a decision names a session's parameters; None for a session that names none."""
    return None if parameters is None else text_sha256(parameters)


def key_id(public_key: str) -> str:
    """Returns the id of a public key: the first digits of its SHA-256."""
    return sha256(bytes.fromhex(public_key)).hexdigest()[:KEY_ID_DIGITS]


def signed_bytes(text: str) -> bytes:
    """Returns the bytes that a signature of a text covers. Raises ValueError for a text that has no UTF-8."""
    return SIGNED_AS + text.encode()


def signer_of(text: str, signature: str, public_keys: Iterable[str]) -> str | None:
    """Returns the key that has signed a text; None if none of these has. signature: Base64."""
    for public_key in public_keys:
        try:
            verifier = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
            verifier.verify(b64decode(signature, validate=True), signed_bytes(text))
        except (InvalidSignature, ValueError):
            continue
        return public_key
    return None
