"""A short campaign of the fuzzer breaks no promise, and the fuzzer sees promises that are broken on purpose."""

from __future__ import annotations

import pytest

from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.transaction import Transaction
from tests.fuzz.__main__ import as_text
from tests.fuzz.campaign import run_campaign, run_life
from tests.fuzz.life import TOPICS

RECORDS = 200_000
SHORT_LIFE = 500
COMMIT = MemoryLog.commit


@pytest.mark.slow
def test_bad_records_leave_no_trace_but_one_dead_letter_each() -> None:
    result = run_campaign(1, RECORDS, 2, TOPICS)
    assert not result.findings, as_text(result)
    assert result.refused > RECORDS / 4
    assert result.taken - result.refused > RECORDS / 4


def test_the_number_of_processes_changes_nothing() -> None:
    assert run_life(7, 1, SHORT_LIFE, TOPICS) == run_life(7, 1, SHORT_LIFE, TOPICS)


def loses_a_letter(log: MemoryLog, transaction: Transaction) -> int:
    transaction.outputs = [output for output in transaction.outputs if not output.topic.startswith("dlq.")]
    return COMMIT(log, transaction)


def repeats_a_letter(log: MemoryLog, transaction: Transaction) -> int:
    transaction.outputs += [output for output in transaction.outputs if output.topic.startswith("dlq.")]
    return COMMIT(log, transaction)


def changes_a_letter(log: MemoryLog, transaction: Transaction) -> int:
    transaction.outputs = [
        output._replace(value=b"other") if output.topic.startswith("dlq.") else output for output in transaction.outputs
    ]
    return COMMIT(log, transaction)


def loses_a_mark(log: MemoryLog, transaction: Transaction) -> int:
    transaction.outputs = [output for output in transaction.outputs if output.topic != "marks"]
    return COMMIT(log, transaction)


@pytest.mark.parametrize(
    ("commit", "rule"),
    [
        (loses_a_letter, "ONE DEAD LETTER"),
        (repeats_a_letter, "ONE DEAD LETTER"),
        (changes_a_letter, "ONE DEAD LETTER"),
        (loses_a_mark, "SAME OUTPUTS"),
    ],
)
def test_a_broken_promise_is_found(commit: object, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryLog, "commit", commit)
    found = run_life(1, 0, SHORT_LIFE, ("orders", "market.data")).findings
    assert rule in {finding.rule for finding in found}
