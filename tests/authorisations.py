"""The gate's commands as it signs them, and a session that they hold for: one place for all tests of live orders."""

from __future__ import annotations

import json
from typing import Any

from schemas.records.canonical_json import canonical_json
from schemas.records.enums import ControlKind
from schemas.records.messages import Control
from streams.core.accounts.signed_documents import parameters_sha256, text_sha256
from streams.evidence.gate.keys import Signer
from tests import builders
from tests.signing import APPROVER, GATE_SIGNER

HOUR = 3600 * builders.SECOND
CODE, PARAMETERS = "c0de" * 16, '{"window":20}'
JUDGED: dict[str, Any] = {"strategy_id": "s1", "code_sha256": CODE, "parameters": PARAMETERS}
"""Fields of a session for which decision() holds, if its account is A."""


def decision(
    level: str = "FULL_LIVE",
    name: str = "d1",
    expires: int = builders.START + HOUR,
    decided: int = builders.START - HOUR,
    signer: Signer | None = GATE_SIGNER,
    **fields: Any,
) -> Control:
    """Returns a decision on strategy s1 in account A of run live, signed by the gate. signer: None for no signature."""
    document: dict[str, Any] = {
        "kind": "DECISION",
        "strategy_id": "s1",
        "decision_id": name,
        "level": level,
        "mode": "PAPER" if level == "PAPER_ONLY" else "LIVE",
        "limits": {},
        "run_id": "live",
        "account_id": "A",
        "code_sha256": CODE,
        "parameters_sha256": parameters_sha256(PARAMETERS),
        "decided_ts": decided,
        "expires_ts": expires,
        "evaluator": "ann",
        "settings_sha256": None,
        "criteria_sha256": "",
        "evidence_sha256": "",
        "proof_sha256": None,
    }
    return _command("DECISION", document | fields, signer, name)


def approval(of: Control, signer: Signer | None = APPROVER, **fields: Any) -> Control:
    """Returns an approval of a decision, signed by the approver."""
    decided = signed_document(of)
    document = {
        "kind": "APPROVAL",
        "strategy_id": decided["strategy_id"],
        "decision_id": decided["decision_id"],
        "decision_sha256": text_sha256(json.loads(of.authorisation or "")["signed"]),
        "run_id": decided["run_id"],
        "reason": "because",
    }
    return _command("APPROVAL", document | fields, signer, decided["decision_id"])


def revocation(strategy: str = "s1", name: str = "d1") -> Control:
    """Returns a revocation, which nobody signs."""
    return _said({"kind": "REVOCATION", "strategy_id": strategy, "decision_id": name}, f"REVOCATION-{name}")


def approved(**fields: Any) -> tuple[Control, Control]:
    """Returns a decision and its approval."""
    made = decision(**fields)
    return made, approval(made)


def signed_document(command: Control) -> dict[str, Any]:
    """Returns the document that a command carries."""
    found: dict[str, Any] = json.loads(json.loads(command.authorisation or "")["signed"])
    return found


def _command(kind: str, document: dict[str, Any], signer: Signer | None, name: str) -> Control:
    text = canonical_json(document)
    carried = {"kind": kind, "strategy_id": document["strategy_id"], "signed": text}
    if signer is not None:
        carried["signature"] = signer.sign(text).value
    return _said(carried, f"{kind}-{name}")


def _said(carried: dict[str, Any], control_id: str) -> Control:
    made = builders.control(ControlKind.AUTHORISATION, None, control_id, authorisation=json.dumps(carried))
    return made._replace(actor="ann", reason="because")
