"""Gaps that no connection tells of: a symbol that the venue trades no more, and trades that never came."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.pipeline.live.back_off import BackOff
from streams.pipeline.live.ccxt_source import CcxtSource
from streams.pipeline.live.ccxt_trade_ids import RUN_MIN, TradeIds
from streams.pipeline.live.source import LiveBook, LiveHalt, LiveResume, LiveTrade, LiveUpdate
from tests.pipeline.live.exchange.exchange_info import GONE
from tests.pipeline.live.exchange.loopback import Fault, LoopbackExchange
from tests.pipeline.live.exchange.recordings import Recording, generated
from tests.pipeline.live.test_ccxt_source import count, run

SPOT, USDM = generated("spot", seed=5), generated("usdm", seed=6)
WAIT_S = 30


def states(updates: Sequence[LiveUpdate], symbol: str) -> list[LiveHalt | LiveResume]:
    return [item for item in updates if isinstance(item, LiveHalt | LiveResume) and item.symbol == symbol]


@pytest.mark.parametrize(("status", "told"), [("BREAK", "status of it is BREAK"), (GONE, "lists it no more")])
def test_a_symbol_that_is_traded_no_more_is_halted_alone(status: str, told: str) -> None:
    async def main() -> list[LiveUpdate]:
        async with LoopbackExchange([SPOT, USDM], speed=1) as exchange, asyncio.timeout(WAIT_S):
            back_off = BackOff(Random(1), first_s=0.01, most_s=0.05)
            source = CcxtSource("binance", exchange.urls, back_off, listing_every_s=0.05)
            await source.open([SPOT.symbol, USDM.symbol])
            playing = asyncio.create_task(exchange.play())
            exchange.statuses[SPOT.market_id] = status
            updates: list[LiveUpdate] = []
            after = 0
            async for update in source.updates():
                updates.append(update)
                if isinstance(update, LiveHalt):
                    exchange.statuses.clear()
                after += bool(states(updates, SPOT.symbol)[1:])
                if after and isinstance(update, LiveBook) and update.symbol == SPOT.symbol:
                    break
            playing.cancel()
            await source.close()
        return updates

    updates = asyncio.run(main())
    halt, resume = states(updates, SPOT.symbol)
    assert isinstance(halt, LiveHalt)
    assert halt.reason.startswith("binance does not trade it now: the venue")
    assert halt.reason.endswith(told)
    assert isinstance(resume, LiveResume)
    halted = updates[updates.index(halt) : updates.index(resume)]
    assert not [item for item in halted if isinstance(item, LiveBook) and item.symbol == SPOT.symbol]
    assert not states(updates, USDM.symbol), "the other goes on"


def trade_frames(recording: Recording) -> list[int]:
    return [number for number, frame in enumerate(recording.frames) if "@trade" in frame.stream]


@pytest.mark.parametrize("recording", [SPOT, USDM], ids=["spot", "usdm"])
def test_a_trade_that_never_came_is_a_halt_and_a_resume(recording: Recording) -> None:
    numbers = trade_frames(recording)
    lost = numbers[len(numbers) // 2]
    rest = replace(recording, frames=recording.frames[:lost] + recording.frames[lost + 1 :])
    updates, source = run(recording, {lost: Fault.LOSE}, whole_of=rest)
    halt, resume = states(updates, recording.symbol)
    assert isinstance(halt, LiveHalt)
    assert "1 trades from id" in halt.reason
    assert isinstance(updates[updates.index(resume) + 1], LiveBook), "the whole book follows"
    assert (source.health.gaps, source.health.reconnects) == (1, 0)
    assert sum(isinstance(item, LiveTrade) for item in updates) == count(rest, "@trade")


def missing(venue: str, ids: Sequence[object]) -> list[int]:
    """Returns how many trades are missing before each id."""
    taken = TradeIds(venue)
    return [len(taken.missing_before(item)) for item in ids]


def test_a_venue_whose_ids_are_known_tells_each_jump() -> None:
    assert missing("binance", ["5", "6", "8", "9", "12"]) == [0, 0, 1, 0, 2]


def test_late_repeated_and_other_ids_are_no_jump() -> None:
    assert missing("binance", ["5", "4", "5", "6", "3", None, "x7", "9", "10"]) == [0] * 9
    assert missing("binance", ["1", "9" * 40, "2"]) == [0, 0, 0]


def test_one_wrong_id_blinds_nobody() -> None:
    assert missing("binance", ["5", "6", "900", "7", "8", "9", "11"])[3:] == [0, 0, 0, 1]


def test_a_refused_trade_came_but_its_id_is_no_witness() -> None:
    taken = TradeIds("binance")
    assert not taken.missing_before("5")
    for refused in ("6", "900"):
        taken.refuse(refused)
    assert not taken.missing_before("7")


def test_a_connection_begins_anew() -> None:
    taken = TradeIds("binance")
    assert not taken.missing_before("1")
    taken.forget()
    assert not taken.missing_before("9")
    assert taken.missing_before("11") == range(10, 11)


def test_another_venue_must_have_shown_that_its_ids_rise_by_one() -> None:
    known = [str(number) for number in range(RUN_MIN + 1)]
    assert sum(missing("okx", [*known[:-1], str(RUN_MIN + 5)])) == 0
    assert sum(missing("okx", [*known, str(RUN_MIN + 5)])) == 4
    assert sum(missing("okx", [*known, str(RUN_MIN + 5), str(RUN_MIN + 9)])) == 4, "counted anew behind a jump"


@given(st.lists(st.integers(1, 30), max_size=60, unique=True).map(sorted))
def test_each_id_came_or_is_missing(ids: list[int]) -> None:
    taken = TradeIds("binance")
    told = [number for item in ids for number in taken.missing_before(str(item))]
    assert sorted(told + ids) == (list(range(ids[0], ids[-1] + 1)) if ids else [])
