"""The keys of tests: the gate's, an approver's, and one that nobody has listed."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from streams.core.reference.gate_config import GateConfig
from streams.evidence.gate.keys import Signer


def _private_key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def gate_private_key() -> Ed25519PrivateKey:
    """Returns the private half of the gate's key."""
    return _private_key(1)


GATE_SIGNER, APPROVER, STRANGER = (Signer(_private_key(seed)) for seed in (1, 2, 3))
APPROVER_NAME = "bob"
GATE = GateConfig(
    run_id="live",
    authenticated=True,
    keys=(GATE_SIGNER.public_key,),
    approvers={APPROVER_NAME: APPROVER.public_key},
)
"""Conditions under which a signed and approved decision lets live orders pass."""
