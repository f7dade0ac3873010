"""Records the results of reconciliation and replay verification as test cases, one for each check."""

from schemas.records.enums import TestStatus
from schemas.records.gate_messages import TestResult
from streams.evidence.gate.decision import RECONCILE, REPLAY_VERIFY
from streams.evidence.reconcile.reconciliation import Reconciliation
from streams.evidence.replay.verify import Verification

TEXT_CHARS_MAX = 4_000


def reconcile_results(report: Reconciliation, run_id: str, commit: str | None, now_ns: int) -> list[TestResult]:
    """Returns a test case for each check of a reconciliation."""
    return [
        _case(
            RECONCILE,
            f"{check.source}: {check.name}",
            check.passed,
            f"run {run_id}: {check.checked} checked, {check.different} differ; {'; '.join(check.differences)}",
            commit,
            now_ns,
        )
        for check in report.checks
    ]


def replay_results(result: Verification, run_id: str, commit: str | None, now_ns: int) -> list[TestResult]:
    """Returns a test case for the whole verification and one for each topic."""
    text = f"run {run_id}: {result.transactions} transactions; {'; '.join(result.differences)}"
    whole = _case(REPLAY_VERIFY, "all records equal", result.passed, text, commit, now_ns)
    topics = [
        _case(
            REPLAY_VERIFY,
            topic,
            not any(item.startswith(f"{topic}-") for item in result.differences),
            f"run {run_id}: {count} records compared",
            commit,
            now_ns,
        )
        for topic, count in sorted(result.checked.items())
    ]
    return [whole, *topics]


def _case(suite: str, case: str, passed: bool, text: str, commit: str | None, now_ns: int) -> TestResult:
    status = TestStatus.PASSED if passed else TestStatus.FAILED
    return TestResult(suite, case, status, None, commit, text[:TEXT_CHARS_MAX], now_ns)
