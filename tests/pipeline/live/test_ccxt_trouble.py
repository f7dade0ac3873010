"""Trouble with a venue: what is unknown, refused, slow or wrong is told or mended, and costs other symbols nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from random import Random

import pytest

from streams.errors import FeedError
from streams.pipeline.live.back_off import BackOff
from streams.pipeline.live.ccxt_source import CcxtSource
from streams.pipeline.live.find_source import open_source
from streams.pipeline.live.source import LiveBook, LiveHalt, LiveResume, LiveUpdate
from tests.pipeline.live.exchange.book_fold import tops
from tests.pipeline.live.exchange.loopback import Fault, LoopbackExchange, Refusal
from tests.pipeline.live.exchange.recordings import generated
from tests.pipeline.live.test_ccxt_source import depth_frames, heard, source_at, whole

SPOT = generated("spot", seed=5)
USDM = generated("usdm", seed=6)


def refused(symbols: Sequence[str], *refusals: Refusal, venue: str = "binance") -> str:
    """Returns the error of opening symbols at an exchange that gives these answers."""

    async def main() -> str:
        async with LoopbackExchange([SPOT, USDM], refusals=refusals) as exchange:
            with pytest.raises(FeedError) as error:
                await source_at(exchange, venue).open(symbols)
            return str(error.value)

    return asyncio.run(main())


def test_an_unknown_symbol_gets_the_nearest_names() -> None:
    assert refused(["ETH/USDT", "ETH/USD"]) == "binance has no symbol ETH/USD; near it are ETH/USDT"


def test_an_unknown_venue_gets_the_nearest_names() -> None:
    with pytest.raises(FeedError, match=r"^venue binanse: no source has this name; near it are binance"):
        open_source("binanse", {})


@pytest.mark.parametrize("status", [451, 403])
def test_a_venue_that_refuses_a_country_is_told_so(status: int) -> None:
    told = refused(["ETH/USDT"], Refusal("/api/v3/exchangeInfo", status))
    assert "refuses this address, as venues do by country" in told
    assert told.endswith("choose a venue that serves your country")


@pytest.mark.parametrize("status", [429, 418])
def test_a_venue_that_limits_the_rate_is_told_so(status: int) -> None:
    told = refused(["ETH/USDT"], Refusal("/api/v3/exchangeInfo", status))
    assert "limits the rate of requests" in told
    assert told.endswith("wait some minutes before the next start")


def test_no_network_is_told_so() -> None:
    async def main() -> str:
        async with LoopbackExchange([SPOT]) as exchange:
            source = source_at(exchange, "binance")
        with pytest.raises(FeedError) as error:
            await source.open(["ETH/USDT"])
        return str(error.value)

    told = asyncio.run(main())
    assert "can't be reached" in told
    assert told.endswith("check the network and the venue's status page")


@pytest.mark.parametrize(
    ("urls", "told"),
    [
        ({"rest": "ws://x"}, r"address 'ws://x' for rest: must begin with http:// or https://"),
        ({"ws.spto": "ws://x/stream"}, r"binance has no address ws\.spto: .* such as ws\.spot"),
    ],
)
def test_a_wrong_address_is_told(urls: dict[str, str], told: str) -> None:
    with pytest.raises(FeedError, match=told):
        asyncio.run(open_source("binance", urls).open(["ETH/USDT"]))


def test_a_gap_of_one_symbol_leaves_the_other_alone() -> None:
    numbers = depth_frames(SPOT)

    async def main() -> list[LiveUpdate]:
        faults = {(SPOT.symbol, numbers[30]): Fault.DROP, (SPOT.symbol, numbers[60]): Fault.CUT}
        async with LoopbackExchange([SPOT, USDM], faults=faults) as exchange:
            tests = [whole(SPOT), whole(USDM)]
            done = [False, False]

            def enough(updates: Sequence[LiveUpdate]) -> bool:
                at = updates[-1].symbol == USDM.symbol
                done[at] = tests[at](updates)
                return all(done)

            return await heard(exchange, source_at(exchange, "binance"), [SPOT.symbol, USDM.symbol], enough)

    updates = asyncio.run(main())
    other = [update for update in updates if update.symbol == USDM.symbol]
    assert not [update for update in other if isinstance(update, LiveHalt | LiveResume)]
    assert [update[3:] for update in other if isinstance(update, LiveBook)][1:] == [item[1:] for item in tops(USDM)]
    states = [type(update) for update in updates if isinstance(update, LiveHalt | LiveResume)]
    assert states == [LiveHalt, LiveResume] * 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_refused_snapshot_is_asked_for_again(status: int) -> None:
    number = depth_frames(SPOT)[30]

    async def main() -> list[LiveUpdate]:
        refusal = Refusal("/depth", status, {"Retry-After": "3"}, after=1)
        async with LoopbackExchange([SPOT], None, {(SPOT.symbol, number): Fault.DROP}, [refusal]) as exchange:
            return await heard(exchange, source_at(exchange, "binance"), [SPOT.symbol], whole(SPOT))

    updates = asyncio.run(main())
    halt, resume = (update for update in updates if isinstance(update, LiveHalt | LiveResume))
    assert isinstance(halt, LiveHalt)
    assert isinstance(resume, LiveResume)
    asked_to_wait = status == 429
    assert (resume.received_ns - halt.received_ns >= 3_000_000_000) or not asked_to_wait


def test_a_book_that_is_wrong_for_long_is_fetched_again() -> None:
    recording = generated("spot", seed=8, depth_frames=500, steps=(0, 1, 1, 2))
    numbers = depth_frames(recording)
    last = tops(recording)[-1][1:]
    start = time.time_ns()

    async def main() -> list[LiveUpdate]:
        faults = {(recording.symbol, number): Fault.EMPTY for number in numbers[100:300]}
        async with LoopbackExchange([recording], 10, faults) as exchange:
            hurried = CcxtSource(
                "binance",
                exchange.urls,
                BackOff(Random(1), first_s=0.01, most_s=0.05),
                lambda: start + (time.time_ns() - start) * 20,
            )
            return await heard(exchange, hurried, [recording.symbol], lambda updates: updates[-1][3:] == last)

    updates = asyncio.run(main())
    halts = [update for update in updates if isinstance(update, LiveHalt)]
    assert halts
    assert "does not show the best prices" in halts[0].reason
    assert [type(update) for update in updates if isinstance(update, LiveHalt | LiveResume)][-1] is LiveResume


def test_slow_answers_cost_time_only() -> None:
    async def main() -> list[LiveUpdate]:
        async with LoopbackExchange([SPOT], answer_delay_s=0.3) as exchange:
            return await heard(exchange, source_at(exchange, "binance"), [SPOT.symbol], whole(SPOT))

    assert not [update for update in asyncio.run(main()) if isinstance(update, LiveHalt)]


def test_a_venue_that_is_away_is_tried_again() -> None:
    number = depth_frames(SPOT)[30]

    async def main() -> tuple[list[LiveUpdate], CcxtSource]:
        away = Refusal("/ws/0", 503, after=1, times=4)
        async with LoopbackExchange([SPOT], None, {(SPOT.symbol, number): Fault.CUT}, [away]) as exchange:
            source = source_at(exchange, "binance")
            return await heard(exchange, source, [SPOT.symbol], whole(SPOT)), source

    updates, source = asyncio.run(main())
    states = [type(update) for update in updates if isinstance(update, LiveHalt | LiveResume)]
    assert states == [LiveHalt, LiveResume]
    assert (source.health.gaps, source.health.reconnects) == (1, 1)


@pytest.mark.parametrize("speed", [10, 100])
def test_an_exchange_in_a_hurry_loses_nothing(speed: float) -> None:
    async def main() -> list[LiveUpdate]:
        async with LoopbackExchange([SPOT], speed) as exchange:
            return await heard(exchange, source_at(exchange, "binance"), [SPOT.symbol], whole(SPOT))

    updates = asyncio.run(main())
    assert len(updates) == len(SPOT.frames) + 1
    assert [update[3:] for update in updates if isinstance(update, LiveBook)][1:] == [item[1:] for item in tops(SPOT)]


def trade_frame(trade_id: int, price: str, size: str, millis: int = 1_723_161_255_508) -> str:
    times = {"e": "trade", "E": millis, "T": millis}
    return json.dumps({**times, "s": "ETHUSDT", "t": trade_id, "p": price, "q": size, "m": True})


HOSTILE_FRAMES = (
    trade_frame(900_001, "NaN", "1"),
    trade_frame(900_002, "-5", "1"),
    trade_frame(900_003, "5", "0"),
    trade_frame(900_004, "5", "1", 99_999_999_999_999),
    '{"u": 1, "s": "ETHUSDT", "b": "3000", "B": "1", "a": "2000", "A": "1"}',
    '{"u": 1, "s": "ETHUSDT", "b": "Infinity", "B": "1", "a": "2000", "A": "1"}',
    '{"u": 1, "s": "ETHUSDT", "b": "1", "B": "-1", "a": "2000", "A": "1"}',
)


def with_extra(
    frames: Sequence[str], streams: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[LiveUpdate], CcxtSource]:
    """Runs an exchange that sends frames of no recording in the middle of streams."""
    monkeypatch.setattr("tests.pipeline.live.exchange.loopback.GARBAGE", frames)
    numbers = [[number for number, frame in enumerate(SPOT.frames) if name in frame.stream][40] for name in streams]

    async def main() -> tuple[list[LiveUpdate], CcxtSource]:
        faults = {(SPOT.symbol, number): Fault.GARBAGE for number in numbers}
        async with LoopbackExchange([SPOT], None, faults) as exchange:
            source = source_at(exchange, "binance")
            return await heard(exchange, source, [SPOT.symbol], whole(SPOT)), source

    return asyncio.run(main())


def test_hostile_frames_are_counted_and_never_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    updates, source = with_extra(HOSTILE_FRAMES, ["@trade", "@bookTicker"], monkeypatch)
    assert len(updates) == len(SPOT.frames) + 1
    assert source.health.refused >= len(HOSTILE_FRAMES)
    assert source.health.gaps == 0


def test_history_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    millis = json.loads(SPOT.frames[0].text).get("E", SPOT.frames[0].at_ns // 1_000_000)
    old = trade_frame(800_001, "2500", "1", millis - 60_000)
    updates, source = with_extra([old], ["@trade"], monkeypatch)
    assert len(updates) == len(SPOT.frames) + 1
    assert source.health.refused == 1


def test_a_burst_of_small_messages_does_not_stop_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """ccxt's own loop of receiving stops for good after some thousand of them."""
    updates, source = with_extra(["{}"] * 10_000, ["@trade"], monkeypatch)
    assert len(updates) == len(SPOT.frames) + 1
    assert source.health.gaps == 0
