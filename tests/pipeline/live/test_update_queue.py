"""The queue between a source and Kafka is bounded: quotes conflate, trades and books are all there or a gap is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.pipeline.live.source import LiveHalt, LiveQuote, LiveResume, LiveUpdate
from streams.pipeline.live.update_queue import Overflow, UpdateQueue
from tests.builders import PROPERTY, START
from tests.pipeline.live.scripted_source import OTHER, SYMBOL, book, quote, trade

UPDATES = st.one_of(
    st.builds(lambda at, symbol: quote(at=at, symbol=symbol), st.integers(START), st.sampled_from([SYMBOL, OTHER])),
    st.builds(lambda at: trade(at=at), st.integers(START)),
    st.builds(lambda at: book(at=at), st.integers(START)),
    st.just(LiveHalt(SYMBOL, START, "lost")),
    st.just(LiveResume(SYMBOL, START)),
)


def filled(most: int, *updates: LiveUpdate) -> UpdateQueue:
    queue = UpdateQueue(most)
    for update in updates:
        queue.put(update)
    return queue


def test_nothing_conflates_while_there_is_room() -> None:
    updates = [quote(at=START + number) for number in range(5)]
    queue = filled(11, *updates)
    assert (queue.take(), queue.conflated, queue.take()) == (updates, 0, [])


def test_the_newest_quote_replaces_the_one_before_it_of_its_symbol_when_half_is_filled() -> None:
    old, other, print_, new = quote(), quote(symbol=OTHER), trade(), quote("51", "52")
    queue = filled(6, old, other, print_, new)
    assert (queue.take(), queue.conflated) == ([other, print_, new], 1)
    for update in (print_, print_, print_, new):
        queue.put(update)
    assert queue.take() == [print_, print_, print_, new], "a quote that was taken is not replaced"


def test_a_full_queue_tells_a_gap_and_takes_nothing_until_it_was_emptied() -> None:
    trades = [trade(at=START + number) for number in range(4)]
    queue = filled(3, *trades, trade(), quote())
    assert queue.take() == [*trades[:3], Overflow(START + 3)]
    assert (queue.overflows, queue.missed, len(queue)) == (1, 3, 0)
    queue.put(trades[0])
    assert queue.take() == [trades[0]]


def test_a_full_queue_takes_what_the_source_says_of_itself() -> None:
    halt, resume = LiveHalt(SYMBOL, START, "lost"), LiveResume(SYMBOL, START)
    queue = filled(1, trade(), trade(), halt, resume)
    assert queue.take()[1:] == [Overflow(START), halt, resume]


def test_a_book_weighs_as_much_as_its_levels() -> None:
    queue = filled(7, book())
    assert len(queue) == 4
    queue.put(book())
    assert queue.overflows == 1


@PROPERTY
@given(st.integers(1, 30), st.lists(UPDATES, max_size=60))
def test_only_quotes_vanish_unless_a_gap_is_told(most: int, updates: list[LiveUpdate]) -> None:
    queue = filled(most, *updates)
    assert len(queue) <= most
    missed, conflated = queue.missed, queue.conflated
    taken = queue.take()
    kept = [item for item in taken if not isinstance(item, Overflow)]
    assert len(kept) + missed + conflated == len(updates)
    assert (missed > 0) == any(isinstance(item, Overflow) for item in taken)
    rest = iter(updates)
    assert all(any(item is update for update in rest) for item in kept), "in order"
    if not missed:
        assert [item for item in kept if not isinstance(item, LiveQuote)] == [
            update for update in updates if not isinstance(update, LiveQuote)
        ]
        newest = {update.symbol: update for update in updates if isinstance(update, LiveQuote)}
        assert newest == {item.symbol: item for item in kept if isinstance(item, LiveQuote)}
