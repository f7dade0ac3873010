"""Records that once stopped a shard become one dead letter each, and good records flow on."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.bounds import AHEAD_MAX_NS, FUNDING_RATE_MAX, ID_CHARS_MAX, SPLIT_MAX, TIME_MAX_NS, UPDATES_MAX
from schemas.records.enums import ExecType, MarkKind, OrderType, Side
from schemas.records.messages import ApprovedOrder, Mark, MarketData
from schemas.records.output import Message
from streams.core.core_config import TimeSource
from streams.core.venue.notices import payment_notice, settlement_notice, split_notice
from tests import builders
from tests.builders import SECOND, START, config, heartbeat, new, opening, px, quote
from tests.pipeline.journal.shard_pair import ShardPair

YEAR_2262 = 2**63 - 1
LATER = START + SECOND


def pair() -> ShardPair:
    """An account with a working order and a market."""
    made = ShardPair(config(simulators=(builders.top_of_book(1),)))
    made.send(opening(), quote(), new("works", Side.BUY, "10", "9.00"), heartbeat(LATER))
    assert made.letters == []
    return made


def report(of: ShardPair, **changes: Any) -> Message:
    """The venue's acceptance of the working order, changed."""
    (accepted,) = of.messages("executions")
    return accepted._replace(**changes)  # type: ignore[attr-defined,no-any-return]


def approval(of: ShardPair, **changes: Any) -> Message:
    """The approval of the working order, changed."""
    (approved,) = of.messages("orders.approved")
    assert isinstance(approved, ApprovedOrder)
    return approved._replace(**changes)


MANY = builders.joined([quote(at=LATER)] * (UPDATES_MAX + 1))


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (new("o", ts=-(2**63)), "TIME_OUT_OF_RANGE"),
        (new("o", ts=TIME_MAX_NS + 1), "TIME_OUT_OF_RANGE"),
        (new("o", price="9.00", expire_ts=YEAR_2262), "TIME_OUT_OF_RANGE"),
        (new("o\0"), "TEXT_NOT_PLAIN"),
        (new("o", symbol="A\x85"), "TEXT_NOT_PLAIN"),
        (new("o" * (ID_CHARS_MAX + 1)), "TEXT_TOO_LONG"),
        (new(""), "FIELD_MISSING"),
        (new("o", account=""), "FIELD_MISSING"),
        (quote()._replace(source="live:\n"), "TEXT_NOT_PLAIN"),
        (quote()._replace(source="live:" + "x" * ID_CHARS_MAX), "TEXT_TOO_LONG"),
        (heartbeat(YEAR_2262), "TIME_OUT_OF_RANGE"),
        (heartbeat(TIME_MAX_NS), "HEARTBEAT_TOO_FAR_AHEAD"),
        (quote(at=YEAR_2262), "TIME_OUT_OF_RANGE"),
        (quote(at=LATER, symbol=""), "FIELD_MISSING"),
        (builders.split(SPLIT_MAX + 1, 1, at=LATER), "MARKET_DATA_INVALID"),
        (MANY, "LIST_TOO_LONG"),
        (Mark("ABC", MarkKind.QUOTE, 0, None, None, None, LATER), "NUMBER_OUT_OF_RANGE"),
        (Mark("ABC", MarkKind.SPLIT, None, None, None, None, LATER, 1, 0), "NUMBER_OUT_OF_RANGE"),
        (Mark("ABC", MarkKind.SPLIT, None, None, None, None, LATER), "FIELD_MISSING"),
        (split_notice("ABC", 0, 1, "x", LATER), "NUMBER_OUT_OF_RANGE"),
        (builders.funding("1.000000001", "9.00", at=LATER), "MARKET_DATA_INVALID"),
        (payment_notice("ABC", ExecType.FUNDING, -FUNDING_RATE_MAX - 1, 1, "x", LATER), "NUMBER_OUT_OF_RANGE"),
        (payment_notice("ABC", ExecType.FUNDING, 1, 0, "x", LATER), "NUMBER_OUT_OF_RANGE"),
        (payment_notice("", ExecType.FUNDING, 1, 1, "x", LATER), "FIELD_MISSING"),
        (settlement_notice("ABC", 0, "x", LATER), "NUMBER_OUT_OF_RANGE"),
        (settlement_notice("", 1, "x", LATER), "FIELD_MISSING"),
        (settlement_notice("ABC", 1, "x", LATER)._replace(settlement_px=None), "FIELD_MISSING"),
        (builders.settlement("9.00", at=LATER), "NOT_EXPIRED"),
        (payment_notice("ABC", ExecType.DIVIDEND, 0, 0, "x", LATER), "NUMBER_OUT_OF_RANGE"),
        (payment_notice("ABC", ExecType.DIVIDEND, 1, 0, "x", LATER)._replace(dividend=None), "FIELD_MISSING"),
    ],
)
def test_a_record_that_breaks_a_bound_is_one_dead_letter(record: Message, code: str) -> None:
    shards = pair()
    before = shards.state()
    shards.send(record)
    assert [found for _, found in shards.letters] == [code]
    assert shards.state() == before
    shards.send(quote("8.99", "9.00", at=LATER + SECOND))
    assert [item.exec_type for item in shards.messages("executions")][-1] is ExecType.FILL  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exec_type": ExecType.FILL}, "FIELD_MISSING"),
        ({"exec_type": ExecType.FILL, "last_qty": px(1), "last_px": 0}, "NUMBER_OUT_OF_RANGE"),
        ({"exec_type": ExecType.RESTATED, "order_qty": 0}, "NUMBER_OUT_OF_RANGE"),
        ({"exec_type": ExecType.REPLACED, "order_qty": None}, "FIELD_MISSING"),
        ({"cum_qty": px(11)}, "EXECUTION_MISMATCH"),
        ({"symbol": "XYZ"}, "EXECUTION_MISMATCH"),
        ({"order_id": "never seen"}, "EXECUTION_WITHOUT_ORDER"),
        ({"ts": YEAR_2262}, "TIME_OUT_OF_RANGE"),
    ],
)
def test_a_foreign_report_changes_nothing(changes: dict[str, Any], code: str) -> None:
    shards = pair()
    before = shards.state()
    shards.send(report(shards, **changes))
    assert shards.letters == [("executions", code)]
    assert shards.state() == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": None}, "FIELD_MISSING"),
        ({"price": None}, "FIELD_MISSING"),
        ({"quantity": 0}, "NUMBER_OUT_OF_RANGE"),
        ({"display_quantity": 0}, "NUMBER_OUT_OF_RANGE"),
        ({"order_type": OrderType.TRAILING_STOP}, "FIELD_MISSING"),
        ({"order_ts": -1}, "TIME_OUT_OF_RANGE"),
    ],
)
def test_a_foreign_approval_reaches_no_venue(changes: dict[str, Any], code: str) -> None:
    shards = pair()
    before = shards.state()
    shards.send(approval(shards, **({"order_id": "foreign"} | changes)))
    assert shards.letters == [("orders.approved", code)]
    assert shards.state() == before


@pytest.mark.parametrize("record", [quote(at=START + AHEAD_MAX_NS + 1), heartbeat(START + AHEAD_MAX_NS + 1)])
def test_market_data_is_at_most_a_day_ahead_of_the_broker(record: MarketData) -> None:
    shards = ShardPair(config())
    shards.send(record, written_ns=START)
    assert shards.letters == [("market.data", "TIME_OUT_OF_RANGE")]
    shards.send(record, written_ns=START + 1)
    assert len(shards.letters) == 1


@pytest.mark.parametrize("written_ns", [-(2**63), -1, TIME_MAX_NS + 1])
@pytest.mark.parametrize("record", [heartbeat(START), quote(), new("o", price="9.00"), opening("B")])
def test_kafkas_time_is_a_time(record: Message, written_ns: int) -> None:
    shards = ShardPair(config(time_source=TimeSource.RECORD))
    shards.send(record, written_ns=written_ns)
    assert [error_class for _, error_class in shards.letters] == ["TIME_OUT_OF_RANGE"]
    assert [output.topic for output in shards.outputs if not output.topic.startswith("dlq.")] == []


def test_a_text_may_hold_any_letters() -> None:
    shards = pair()
    shards.send(new("größer 中文 \u00a0\u3000\u200d\U0001f600", Side.BUY, "1", "9.00"))
    assert shards.letters == []


def test_marks_may_be_many_splits_ahead_of_executions() -> None:
    shards = pair()
    factors = [(SPLIT_MAX, 1)] * 2 + [(7, 3)] * 60
    shards.send(*[Mark("ABC", MarkKind.SPLIT, None, None, None, None, LATER, to, of) for to, of in factors])
    shards.send(*[split_notice("ABC", to, of, f"s-{number}", LATER) for number, (to, of) in enumerate(factors)])
    assert shards.letters == []


def test_marks_and_executions_may_not_differ_by_splits_without_end() -> None:
    shards = pair()
    shards.send(*[Mark("ABC", MarkKind.SPLIT, None, None, None, None, LATER, SPLIT_MAX, 1)] * 102)
    assert shards.letters == [("marks", "SPLITS_OUT_OF_STEP")] * 2
