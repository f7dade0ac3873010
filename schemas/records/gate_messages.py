"""The records that the gate writes, field by field as in schemas/avsc."""

from typing import NamedTuple

from schemas.records.enums import GateDecisionKind, TestStatus, TradingLevel, TradingMode


class TestResult(NamedTuple):
    """A test case of a report; ts: time of its suite's run, UTC nanoseconds."""

    suite: str
    case: str
    status: TestStatus
    duration_s: float | None
    commit: str | None
    text: str | None
    ts: int


class GateDecision(NamedTuple):
    """A decision about a strategy, with its evidence. Times are UTC nanoseconds."""

    decision_id: str
    strategy_id: str
    kind: GateDecisionKind
    level: TradingLevel
    criteria: str
    criteria_sha256: str
    evidence_sha256: str
    actor: str | None
    reason: str | None
    expires_ts: int | None
    ts: int
    of_decision_id: str | None = None
    settings_sha256: str | None = None
    limits: str | None = None
    trials: int | None = None
    trials_variance: float | None = None
    cut: str | None = None
    of_run_id: str | None = None
    account_id: str | None = None
    code_sha256: str | None = None
    parameters: str | None = None
    mode: TradingMode = TradingMode.PAPER
    proof_sha256: str | None = None
    key_id: str | None = None
    signature: str | None = None
