"""Revokes decisions that are no longer supported: by time, a failed check, an open breaker or drift."""

import time

from schemas.records.gate_messages import GateDecision
from streams.evidence.cut import read_at_cut
from streams.evidence.gate.decision import RECONCILE, REPLAY_VERIFY
from streams.evidence.gate.gate_desk import GateDesk
from streams.evidence.gate.gather_evidence import plain_rows


def revoke_invalid(desk: GateDesk) -> list[GateDecision]:
    """Revokes every live decision that has a reason against it, and whatever else shards hold; returns the revocations.

    Raises:
        ClickHouseError: ClickHouse does not answer.
    """
    return _revoke_unknown(desk) + [
        desk.revoke(item.strategy_id, "; ".join(reasons))
        for item in desk.unrevoked()
        if (reasons := revocation_reasons(desk, item))
    ]


def _revoke_unknown(desk: GateDesk) -> list[GateDecision]:
    """Ends what shards hold without a decision of the gate behind it, whoever made it."""
    # The shards' events are read first: what the gate decides meanwhile is on gate.decisions before shards hold it.
    (held,) = read_at_cut(
        desk.settings,
        desk.settings.run_id,
        lambda client, _: [plain_rows(client, "gate_held", {"run_id": desk.settings.run_id})],
        noted=False,
    )
    decided = desk.decided() if held else set()
    return [
        desk.revoke(
            row["strategy"], f"shards hold decision {decision or 'without a name'}, which is not the gate's", decision
        )
        for row in held
        for decision in row["decisions"]
        if (row["strategy"], decision) not in decided
    ]


def revocation_reasons(desk: GateDesk, decision: GateDecision) -> list[str]:
    """Returns the reasons why a strategy must stop trading live; empty if its decision still holds."""
    config = desk.file.criteria
    parameters = {
        "run_id": desk.settings.run_id,
        "strategy_id": decision.strategy_id,
        "time_zone": config.evidence.time_zone,
        "days": config.evidence.breaker_days,
        "named": [],
        **config.drift.model_dump(),
    }
    queries = ("gate_suites", "gate_breakers", "gate_drift", "gate_revocations")
    suites, breakers, drift, revoked = read_at_cut(
        desk.settings,
        desk.settings.run_id,
        lambda client, _: [plain_rows(client, query, parameters) for query in queries],
        noted=False,
    )
    reasons = ["it has expired"] if (decision.expires_ts or 0) <= time.time_ns() else []
    reasons += [
        f"{row['suite']} failed: {', '.join(row['failures'])}"
        for row in suites
        if row["suite"] in (RECONCILE, REPLAY_VERIFY) and row["failed"]
    ]
    reasons += [f"{row['open_breakers']} breakers are open" for row in breakers if row["open_breakers"]]
    reasons += [
        f"drift: {row['metric']} {row['live_mean']:.4g} live, {row['paper_mean']:.4g} on paper"
        for row in drift
        if row["outside"]
    ]
    return reasons + [row["text"] for row in revoked]
