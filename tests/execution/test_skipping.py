"""What the venue passes over changes nothing: every output and all state is that of stepping through each update."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain import expiries, venue, watch
from streams.domain.book import Book
from streams.domain.columns import NAMES, as_ints
from streams.domain.config import CoreConfig
from streams.domain.execution_shard import ExecutionShard
from streams.domain.messages import ExecutionReport, MarketData
from streams.domain.shard import Message, Output
from streams.domain.tape import Print
from streams.domain.venue_order import VenueOrder
from streams.execution.catalog import known_parts
from streams.execution.part import Part, PartKind
from tests.builders import PROPERTY, SECOND, START, cents, config, quote, quotes, top_of_book
from tests.domain.desk import of
from tests.execution.long_markets import ABC, VENUES, batches, request, story

MANY = settings(PROPERTY, max_examples=400)
SEEDS = st.integers(0, 2**32)


@pytest.fixture(autouse=True, scope="module")
def _bounds_of_speed_are_low() -> Iterator[None]:
    """Short records are searched as long ones are, and what has ended is swept out soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(venue, "BULK_ROWS", 1)
        patch.setattr(watch, "DEAD_MAX", 0)
        patch.setattr(expiries, "DEAD_MAX", 0)
        yield


def told(
    story: Sequence[Message],
    core: CoreConfig,
    *,
    exact: bool,
    by_record: bool = False,
    restarts: frozenset[int] = frozenset(),
) -> tuple[list[list[Output]], str]:
    """Outputs of each message, and the state at the end; before the steps in restarts the shard is built anew."""
    shard = ExecutionShard(core, 0, exact=exact)
    outputs = []
    for step, message in enumerate(story):
        if step in restarts:
            shard = ExecutionShard.from_state(core, 0, json.loads(json.dumps(shard.to_state())))
        outputs.append(shard.apply(message, START + step * SECOND // 50 if by_record else None))
    return outputs, json.dumps(shard.to_state())


def as_arrays(message: Message) -> Message:
    if not isinstance(message, MarketData):
        return message
    return message._replace(**{name: as_ints(getattr(message, name)) for name in NAMES})  # type: ignore[arg-type]


@MANY
@given(SEEDS, st.sampled_from(VENUES), st.booleans(), st.booleans())
def test_skipping_is_exact(seed: int, core: CoreConfig, deep: bool, by_record: bool) -> None:
    """Compared as text, in which a number of numpy is not the integer that it should be."""
    told_in = batches(seed, story(seed, deep))
    expected = told(told_in, core, exact=True, by_record=by_record)
    assert repr(told(told_in, core, exact=False, by_record=by_record)) == repr(expected)


@MANY
@given(SEEDS, st.sampled_from(VENUES), st.booleans())
def test_batches_restarts_and_arrays_change_nothing(seed: int, core: CoreConfig, deep: bool) -> None:
    """Of the marks there is one for each record, so that their number goes by the batches."""
    updates = story(seed, deep)
    one_by_one, state = told(updates, core, exact=True)
    expected = reports(one_by_one)
    for again in (1, 2):
        told_in = [as_arrays(message) for message in batches(seed + again, updates)]
        outputs, ended = told(told_in, core, exact=False, restarts=frozenset(range(again, len(told_in), 3 * again)))
        assert repr(reports(outputs)) == repr(expected)
        assert unmarked(ended) == unmarked(state)


def reports(outputs: Sequence[Sequence[Output]]) -> list[ExecutionReport]:
    return of(ExecutionReport, [output for some in outputs for output in some])


def unmarked(state: str) -> object:
    found = json.loads(state)
    return [{name: value for name, value in item.items() if name != "marked_ns"} for item in found["venues"]]


class Attentive(Part):
    """A model of a user's, that says nothing of what may be skipped."""

    model: ClassVar[str] = "attentive"
    queues: ClassVar[bool] = False
    asked: ClassVar[list[int]] = []

    def by_trade(self, order: VenueOrder, trade: Print) -> int:
        return 0

    def is_met(self, order: VenueOrder, book: Book) -> bool:
        self.asked.append(book.ts)
        return False


def test_a_fill_model_that_declares_nothing_is_asked_about_every_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(known_parts(PartKind.FILL), "attentive", Attentive)
    shard = ExecutionShard(config(simulators=(top_of_book(fill={"model": "attentive"}),)), 0)
    shard.apply(quote(), None)
    shard.apply(request(Random(0), ABC, "o", [], cents(1100), START), None)
    times = range(START + 1, START + 101)
    shard.apply(quotes(*((at, "10.00", "5", "10.02", "5") for at in times)), None)
    assert Attentive.asked[-100:] == list(times)


def test_the_stories_go_everywhere() -> None:
    """The properties above mean something only if there is something to skip, and something happens between."""
    seen: Counter[str] = Counter()
    for seed in range(150):
        outputs, _ = told(batches(seed, story(seed, deep=seed % 2 == 0)), VENUES[seed % len(VENUES)], exact=False)
        for report in reports(outputs):
            seen[f"{report.exec_type} {report.reason_code}"] += 1
            seen[f"{report.liquidity} {report.order_type}"] += 1
            seen[f"by trade {report.trade_px is not None}"] += 1
    wanted = {"NEW None", "FILL None", "PARTIAL_FILL None", "EXPIRED EXPIRE_TIME", "EXPIRED DAY_END", "REPLACED None"}
    wanted |= {"CANCELED CANCEL_REQUESTED", "RESTATED SPLIT", "TRIGGERED PRICE_REACHED", "TRIGGERED PARENT_EXECUTED"}
    wanted |= {"CANCELED OCO", "CANCELED MARKET_NOT_OPEN", "by trade True", "ADDED STOP_LIMIT", "REMOVED TRAILING_STOP"}
    missing = sorted(wanted - seen.keys())
    assert not missing
