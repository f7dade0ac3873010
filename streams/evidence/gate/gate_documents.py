"""The texts that the gate signs, made of its records, and the commands that carry them to the account shards."""

import json
from typing import Any

from schemas.records.canonical_json import canonical_json
from schemas.records.gate_messages import GateDecision
from streams.core.accounts.signed_documents import parameters_sha256, signer_of, text_sha256
from streams.core.accounts.state.authorisations import AuthorisationKind
from streams.core.reference.gate_config import GateConfig
from streams.errors import InputError
from streams.evidence.gate.keys import Signer


def decision_text(record: GateDecision) -> str:
    """Returns the text that the gate signs: what a decision is bound to, and the hashes of what was judged."""
    return canonical_json(
        {
            "kind": AuthorisationKind.DECISION,
            "strategy_id": record.strategy_id,
            "decision_id": record.decision_id,
            "level": record.level,
            "mode": record.mode,
            "limits": json.loads(record.limits or "{}"),
            "run_id": record.of_run_id,
            "account_id": record.account_id,
            "code_sha256": record.code_sha256,
            "parameters_sha256": parameters_sha256(record.parameters),
            "decided_ts": record.ts,
            "expires_ts": record.expires_ts or 0,
            "evaluator": record.actor,
            "settings_sha256": record.settings_sha256,
            "criteria_sha256": record.criteria_sha256,
            "evidence_sha256": record.evidence_sha256,
            "proof_sha256": record.proof_sha256,
        }
    )


def approval_text(decision: GateDecision, reason: str) -> str:
    """Returns the text that an approver signs: it names one decision by the hash of its text."""
    return canonical_json(
        {
            "kind": AuthorisationKind.APPROVAL,
            "strategy_id": decision.strategy_id,
            "decision_id": decision.decision_id,
            "decision_sha256": text_sha256(decision_text(decision)),
            "run_id": decision.of_run_id,
            "reason": reason,
        }
    )


def is_of_the_gate(decision: GateDecision, gate: GateConfig) -> bool:
    """Returns whether a listed key of the gate has signed a decision as it stands in its record."""
    return signer_of(decision_text(decision), decision.signature or "", gate.keys) is not None


def check_approver(gate: GateConfig, decision: GateDecision, approver: str, signer: Signer) -> None:
    """Checks that an approval will count: what shards check, in words for the approver. Raises InputError."""
    named = f"decision {decision.decision_id}"
    if not gate.authenticated:
        raise InputError(f"{named}: no order is live while Kafka asks nobody for a password; set KAFKA_SECURITY=scram")
    if not is_of_the_gate(decision, gate):
        raise InputError(
            f"{named} is signed by no listed key of the gate's; if the gate made it, `paper gate keys` lists the key: "
            f"evaluate strategy {decision.strategy_id} again"
        )
    if gate.approvers.get(approver) != signer.public_key:
        raise InputError(
            f"approver {approver} is not listed with this key; `paper gate keys --approver {approver}` lists it"
        )
    if approver == decision.actor:
        raise InputError(f"{named} was evaluated by {approver}; another person must approve it")


def signed_command(kind: str, strategy_id: str, text: str, signature: str) -> dict[str, Any]:
    """Returns the field `authorisation` of the control that carries a signed text."""
    return {"kind": kind, "strategy_id": strategy_id, "signed": text, "signature": signature}


def revocation_command(strategy_id: str, decision_id: str | None) -> dict[str, Any]:
    """Returns the field `authorisation` of a revocation, which needs no signature; decision_id is for information."""
    return {"kind": AuthorisationKind.REVOCATION, "strategy_id": strategy_id, "decision_id": decision_id or ""}
