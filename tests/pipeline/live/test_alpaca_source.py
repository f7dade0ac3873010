"""The source by alpaca-py against Alpaca's streams on this machine: complete, exact, halted where it can't vouch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import msgpack
import pytest

from streams.errors import FeedError
from streams.pipeline.live import alpaca_source
from streams.pipeline.live.alpaca_source import AlpacaSource
from streams.pipeline.live.back_off import BackOff
from streams.pipeline.live.find_source import open_source
from streams.pipeline.live.source import LiveHalt, LiveQuote, LiveResume, LiveTrade, LiveUpdate
from tests.pipeline.live.exchange.loopback_alpaca import KEYS, LoopbackAlpaca, stamp

WAIT_S = 20
NOW = time.time_ns()

Scenario = Callable[[LoopbackAlpaca], Awaitable[None]]


def quote(number: int = 0, symbol: str = "AAPL", **changes: Any) -> dict[str, Any]:
    """A quote as Alpaca sends it; each number has a time and a price of its own."""
    sides = {
        "bx": "V",
        "bp": round(190.01 + number / 100, 2),
        "bs": 100,
        "ax": "V",
        "ap": round(190.02 + number / 100, 2),
        "as": 300,
    }
    return {"T": "q", "S": symbol, **sides, "t": stamp(NOW + number), "c": ["R"], "z": "C"} | changes


def trade(number: int = 0, symbol: str = "AAPL", **changes: Any) -> dict[str, Any]:
    """A trade as Alpaca sends it."""
    what = {"T": "t", "S": symbol, "i": number, "x": "V", "p": 190.0125, "s": 10 + number}
    return {**what, "t": stamp(NOW + number), "c": ["@"], "z": "C"} | changes


def status(code: str, **changes: Any) -> dict[str, Any]:
    """A trading status as Alpaca sends it."""
    words = {"sm": "Trading Halt", "rc": "T1", "rm": "Halt News Pending"}
    return {"T": "s", "S": "AAPL", "sc": code, **words, "t": stamp(NOW), "z": "C"} | changes


LAST = trade(999_999, p=1.0)
"""The trade with which a scenario ends."""


def source_at(alpaca: LoopbackAlpaca, keys: Mapping[str, str] = KEYS) -> AlpacaSource:
    return AlpacaSource(alpaca.urls, BackOff(Random(1), first_s=0.01, most_s=0.05), keys=keys)


async def heard(alpaca: LoopbackAlpaca, source: AlpacaSource, symbols: Sequence[str], scenario: Scenario) -> Any:
    """Returns the updates of a source while Alpaca plays a scenario, up to LAST."""
    updates: list[LiveUpdate] = []
    async with asyncio.timeout(WAIT_S):
        await source.open(symbols)
        playing = asyncio.ensure_future(_played(alpaca, scenario))
        try:
            async for update in source.updates():
                if isinstance(update, LiveTrade) and update.price == 1:
                    break
                updates.append(update)
            await playing
        finally:
            playing.cancel()
            await source.close()
    return updates


async def _played(alpaca: LoopbackAlpaca, scenario: Scenario) -> None:
    await scenario(alpaca)
    await alpaca.send(LAST)


def run(
    scenario: Scenario, symbols: Sequence[str] = ("AAPL",), **options: Any
) -> tuple[list[LiveUpdate], AlpacaSource, LoopbackAlpaca]:
    """Plays a scenario. options: of LoopbackAlpaca."""

    async def main() -> tuple[list[LiveUpdate], AlpacaSource, LoopbackAlpaca]:
        async with LoopbackAlpaca(**options) as alpaca:
            source = source_at(alpaca)
            return await heard(alpaca, source, symbols, scenario), source, alpaca

    return asyncio.run(main())


def refused(
    symbols: Sequence[str] = ("AAPL",), keys: Mapping[str, str] = KEYS, refuse: Sequence[int] = (), **options: Any
) -> str:
    """Returns the error with which a source refuses to open."""

    async def main() -> str:
        async with LoopbackAlpaca(**options) as alpaca:
            alpaca.refuse_next += refuse
            with pytest.raises(FeedError) as error:
                await source_at(alpaca, keys).open(symbols)
            return str(error.value)

    return asyncio.run(main())


def states(updates: Sequence[LiveUpdate], symbol: str = "AAPL") -> list[type]:
    return [type(item) for item in updates if isinstance(item, LiveHalt | LiveResume) and item.symbol == symbol]


def reasons(updates: Sequence[LiveUpdate]) -> list[str]:
    return [item.reason for item in updates if isinstance(item, LiveHalt)]


def test_every_message_comes_once_in_order_to_the_nanosecond() -> None:
    count = 2_000

    async def scenario(alpaca: LoopbackAlpaca) -> None:
        for number in range(0, count, 50):
            await alpaca.send(*(item for n in range(number, number + 50) for item in (quote(n), trade(n))))

    updates, source, _ = run(scenario)
    quotes = [item for item in updates if isinstance(item, LiveQuote)]
    trades = [item for item in updates if isinstance(item, LiveTrade)]
    assert [item.exchange_ns for item in quotes] == [NOW + number for number in range(count)]
    assert [(item.exchange_ns, item.size) for item in trades] == [(NOW + n, Decimal(10 + n)) for n in range(count)]
    assert quotes[0][3:] == (Decimal("190.01"), Decimal(100), Decimal("190.02"), Decimal(300))
    assert [item.bid for item in quotes] == [Decimal("190.01") + Decimal(n) / 100 for n in range(count)]
    assert (trades[0].price, trades[0].aggressor) == (Decimal("190.0125"), "-")
    assert states(updates) == []
    assert (source.health.gaps, source.health.reconnects, source.health.refused) == (0, 0, 0)
    assert source.health.updates == 2 * count + 1
    assert all(before.received_ns <= after.received_ns for before, after in pairwise(updates))


def test_stocks_and_coins_come_by_their_streams() -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        coin = {"T": "t", "S": "BTC/USD", "p": 64_000.123456789, "s": 0.000000001, "t": stamp(NOW + 7), "i": 1}
        await alpaca.send(coin | {"tks": "S"}, coin | {"tks": "B"}, stream="crypto")
        await alpaca.until(lambda: True)

    async def main() -> list[LiveUpdate]:
        async with LoopbackAlpaca() as alpaca:
            source = source_at(alpaca)
            await source.open(["aapl", "BTC/USD"])
            assert sorted(alpaca.requests) == [["AAPL"], ["AAPL"], ["BTC/USD"]]
            assert source.health.connected
            await scenario(alpaca)
            updates = source.updates()
            found = [await anext(updates), await anext(updates)]
            await source.close()
            return found

    updates = asyncio.run(main())
    assert [(item.exchange_ns, item.aggressor) for item in updates if isinstance(item, LiveTrade)] == [
        (NOW + 7, "S"),
        (NOW + 7, "B"),
    ]
    assert {(item.price, item.size) for item in updates if isinstance(item, LiveTrade)} == {
        (Decimal("64000.123456789"), Decimal("1E-9"))
    }


@pytest.mark.parametrize("head", [b"", b"\x82\x7e\x01"], ids=["between frames", "within a frame"])
def test_a_cut_is_a_halt_and_a_resumption(head: bytes) -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.send(quote(1))
        await alpaca.cut(head)
        await alpaca.send(quote(2))

    updates, source, _ = run(scenario)
    assert [type(item) for item in updates] == [LiveQuote, LiveHalt, LiveResume, LiveQuote]
    assert reasons(updates)[0].startswith("alpaca")
    assert (source.health.gaps, source.health.reconnects) == (1, 1)


def test_a_cut_of_one_stream_leaves_the_other_alone() -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.cut(stream="crypto")

    updates, _, _ = run(scenario, ["AAPL", "BTC/USD"])
    assert states(updates, "BTC/USD") == [LiveHalt, LiveResume]
    assert states(updates) == []


def test_a_refused_reconnect_is_tried_again() -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        alpaca.refuse_next += [406, 406, 402]
        await alpaca.cut()
        assert not alpaca.refuse_next

    updates, source, _ = run(scenario)
    assert states(updates) == [LiveHalt, LiveResume]
    assert source.health.reconnects == 1


def test_an_error_of_the_connection_is_a_gap_with_its_reason() -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        before = len(alpaca.requests)
        await alpaca.send({"T": "error", "code": 407, "msg": "slow client"})
        await alpaca.until(lambda: len(alpaca.requests) > before)

    updates, _, _ = run(scenario)
    assert states(updates) == [LiveHalt, LiveResume]
    assert "slow client: the feed did not read fast enough" in reasons(updates)[0]
    assert "407" in reasons(updates)[0]


def test_an_error_without_sense_is_a_gap() -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        before = len(alpaca.requests)
        await alpaca.send({"T": "error", "code": [405], "msg": {}})
        await alpaca.until(lambda: len(alpaca.requests) > before)

    updates, _, _ = run(scenario)
    assert states(updates) == [LiveHalt, LiveResume]


@pytest.mark.parametrize(("halt", "resume"), [("H", "T"), ("P", "T"), ("2", "3")])
def test_a_trading_halt_halts_until_trading_resumes(halt: str, resume: str) -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.send(status(halt), status("Q"), status("E"), quote(1), status(resume), quote(2))

    updates, _, _ = run(scenario)
    assert [type(item) for item in updates] == [LiveHalt, LiveQuote, LiveResume, LiveQuote]
    assert reasons(updates) == ["the exchange halts it: Trading Halt: Halt News Pending"]


def test_a_halt_outlasts_a_reconnect_until_a_trade_shows_its_end() -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.send(status("H"), trade(1))
        await alpaca.cut()
        await alpaca.send(quote(2), trade(3))

    updates, _, _ = run(scenario)
    assert [type(item) for item in updates] == [LiveHalt, LiveTrade, LiveQuote, LiveResume, LiveTrade]


def test_a_plan_without_trading_halts_feeds_without_them(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.send(quote(1))

    updates, _, _ = run(scenario, has_halts=False)
    assert [type(item) for item in updates] == [LiveQuote]
    assert "alpaca tells nothing of trading halts: insufficient subscription" in caplog.text


def test_missing_keys_are_named() -> None:
    told = refused(keys={"APCA_API_KEY_ID": "PK1"})
    assert told.startswith("alpaca: APCA_API_SECRET_KEY not set in the environment")
    assert "https://app.alpaca.markets" in told


def test_a_refused_key_is_told_without_the_secret() -> None:
    told = refused(keys={"APCA_API_KEY_ID": "PK1", "APCA_API_SECRET_KEY": "swordfish"})
    assert told.startswith("alpaca: auth failed: check APCA_API_KEY_ID and APCA_API_SECRET_KEY")
    assert "swordfish" not in told


def test_a_second_connection_of_a_key_is_told() -> None:
    assert "end the other program that uses it" in refused(refuse=[406])


def test_no_network_is_told() -> None:
    async def main() -> str:
        async with LoopbackAlpaca() as alpaca:
            source = source_at(alpaca)
        with pytest.raises(FeedError) as error:
            await source.open(["AAPL"])
        return str(error.value)

    told = asyncio.run(main())
    assert told.startswith("alpaca can't be reached")
    assert told.endswith("check the network and https://status.alpaca.markets")


def test_of_too_many_symbols_those_that_the_plan_allows_are_fed() -> None:
    symbols = [f"S{number:02}" for number in range(34)]

    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.send(quote(1, "S00"))

    updates, _, alpaca = run(scenario, ["AAPL", *symbols])
    halted = {item.symbol for item in updates if isinstance(item, LiveHalt)}
    assert halted == set(symbols[29:])
    assert all("symbol limit exceeded: the plan allows no more" in reason for reason in reasons(updates))
    assert {item.symbol for item in updates if isinstance(item, LiveQuote)} == {"S00"}
    assert len(alpaca.requests) < 20


@pytest.mark.parametrize("how", ["malformed", "unlisted"])
def test_an_unknown_symbol_is_told_and_the_others_are_fed(how: str) -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.send(quote(1))

    updates, _, _ = run(scenario, ["AAPL", "AAPL.X", "MSFT"], **{how: ["AAPL.X"]})
    assert [(item.symbol, type(item)) for item in updates] == [("AAPL.X", LiveHalt), ("AAPL", LiveQuote)]
    assert ("takes no such symbol" in reasons(updates)[0]) == (how == "malformed")


def test_a_feed_of_refused_symbols_only_does_not_begin() -> None:
    assert "takes no such symbol" in refused(["AAPL.X"], malformed=["AAPL.X"])


HOSTILE = [
    quote(bp=float("nan")),
    quote(ap=float("inf")),
    quote(bp=-1.0),
    quote(bs=-1),
    quote(bp=191.0, ap=190.0),
    quote(bp="x"),
    quote(bp=1e-12),
    quote(t=stamp(NOW + 2 * 86_400 * 10**9)),
    quote(t="2026-01-01T00:00:00Z"),
    quote(t=stamp(-5)),
    quote(S="MSFT"),
    quote(S=["AAPL"]),
    trade(p=0),
    trade(s=0),
    trade(p=float("nan")),
    trade(T="c"),
]

GARBAGE = [b"", b"\xc1", b"\xdd\xff\xff\xff\xff", msgpack.packb(7), msgpack.packb([[1]]), b"\x91\x81\xa1T\xa1"]


def test_hostile_messages_are_counted_and_never_come_out() -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        for message in HOSTILE:
            await alpaca.send(message)
        for data in GARBAGE:
            await alpaca.send_bytes(data)
        await alpaca.send(quote(1), trade(2))

    updates, source, _ = run(scenario)
    assert [(type(item), getattr(item, "exchange_ns", None)) for item in updates] == [
        (LiveQuote, NOW + 1),
        (LiveTrade, NOW + 2),
    ]
    assert source.health.refused == len(HOSTILE) + len(GARBAGE)
    assert source.health.gaps == 0


def test_an_empty_side_is_empty() -> None:
    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.send(quote(bp=0, bs=0))

    updates, _, _ = run(scenario)
    assert updates[0][3:] == (Decimal(0), Decimal(0), Decimal("190.02"), Decimal(300))


def test_a_reader_that_is_behind_sees_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alpaca_source, "BUFFER_MAX", 10)

    async def scenario(alpaca: LoopbackAlpaca) -> None:
        await alpaca.send(*(quote(number) for number in range(11)))

    updates, _, _ = run(scenario)
    assert states(updates) == [LiveHalt, LiveResume]
    assert [item.exchange_ns for item in updates if isinstance(item, LiveQuote)] == [NOW + 10]


def test_frames_are_shown_to_a_recorder() -> None:
    frames: list[tuple[int, str, str]] = []

    async def main() -> None:
        async with LoopbackAlpaca() as alpaca:
            source = source_at(alpaca)
            source.on_frame = lambda *frame: frames.append(frame)
            await heard(alpaca, source, ["AAPL"], lambda alpaca: alpaca.send(quote(1)))

    asyncio.run(main())
    assert [market for _, market, _ in frames] == ["alpaca"] * 4, "two answers, the quote and the last trade"


@pytest.mark.parametrize(
    ("urls", "told"),
    [
        ({"rest": "http://x"}, "alpaca has no address rest here: use stock or crypto"),
        ({"stock": "http://x"}, "address 'http://x' for stock: must begin with ws:// or wss://"),
    ],
)
def test_a_wrong_address_is_told(urls: dict[str, str], told: str) -> None:
    with pytest.raises(FeedError, match=told):
        asyncio.run(open_source("alpaca", urls).open(["AAPL"]))
