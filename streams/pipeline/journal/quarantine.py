"""Verdicts on records that a replay can't reach by itself, so the journal keeps them.

The core failed on the record, a person skipped it, or it was judged by what this process knew at the time.
"""

from typing import Final

from schemas.records.enums import BreakerState, RiskEventKind
from schemas.records.messages import RiskEvent
from streams.pipeline.journal.dead_letters import BadRecord
from streams.pipeline.journal.provenance import FOREIGN_RECORD
from streams.pipeline.journal.raw_records import RawRecord

INTERNAL_ERROR: Final = "INTERNAL_ERROR"
"""The core failed on the record: a bug of ours."""
SKIPPED: Final = "SKIPPED"
"""A person let the shard go past the record."""
UNKNOWN_SCHEMA: Final = "UNKNOWN_SCHEMA"
"""The registry did not know the record's schema when the shard took it."""
HEADERS_NOT_READABLE: Final = "HEADERS_NOT_READABLE"
"""The Kafka client could not read the record's headers; another version may."""
JOURNALED: Final = frozenset((INTERNAL_ERROR, SKIPPED, UNKNOWN_SCHEMA, HEADERS_NOT_READABLE, FOREIGN_RECORD))
ALARMING: Final = frozenset((INTERNAL_ERROR, FOREIGN_RECORD))
FAULTS_IN_A_ROW_MAX: Final = 20
"""Inputs in a row on which the core may fail. One more is a bug of ours that no dead letter can cover."""


FRAMES_MAX: Final = 4
ERROR_CHARS_MAX: Final = 700


class CoreFault(Exception):
    """The core failed on a record, and left the shard's state between before and after it."""

    def __init__(self, record: RawRecord, error: Exception) -> None:
        self.record = record
        self.verdict = BadRecord(INTERNAL_ERROR, _description(error))
        super().__init__(f"{record.place}: {self.verdict.text}")


def _description(error: Exception) -> str:
    """Returns the error and the innermost places of its trace: `ValueError: ...; in venue.py:120, ...`."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    places = ", ".join(reversed(frames[-FRAMES_MAX:]))
    return f"{type(error).__name__}: {error}"[:ERROR_CHARS_MAX] + f"; in {places}"


def quarantine_event(shard: str, record: RawRecord, verdict: BadRecord, time_ns: int) -> RiskEvent:
    """Returns the risk event of a verdict. Its id is a function of shard and record."""
    return RiskEvent(
        event_id=f"q-{shard}-{record.topic}-{record.offset}",
        kind=RiskEventKind.RECORD_QUARANTINED,
        account_id="",
        session_id=None,
        order_id=None,
        control_id=None,
        code=verdict.error_class,
        text=f"{record.place} is a dead letter: {verdict.text}",
        limit_value=None,
        observed_value=None,
        actor=None,
        reason=None,
        ts=time_ns,
        breaker_state=BreakerState.UNKNOWN,
        cause=record.place,
    )
