"""A live feed on real Kafka: it owns its symbols, doubles nothing, and marks each gap."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra import processes
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.kafka_server import KafkaServer
from schemas.avro.codec import Codec
from schemas.records.messages import MarketData
from schemas.registry import Registry
from streams.core.market.market_data import MarketRows
from streams.errors import FeedError
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.feed.file_market import FileMarket
from streams.pipeline.feed.resume import TOPIC
from streams.pipeline.feed.send import Feed
from streams.pipeline.live import live_writer
from streams.pipeline.live.feed_health import FeedHealth
from streams.pipeline.live.feed_record import FeedRecording
from streams.pipeline.live.live_feed import LiveFeed, demand_instruments
from streams.pipeline.live.live_writer import LiveWriter
from streams.pipeline.prepare import start_prepared_servers
from streams.tools.demo.demo_market import synthetic_market
from tests import stacks
from tests.builders import px
from tests.end_to_end.processes import Background, running
from tests.faults.test_servers import kill
from tests.pipeline.live.scripted_source import OTHER, SYMBOL, ScriptedSource, book, quote, trade

AWAIT_S = 60.0
MODULE = "tests.pipeline.live.endless_feed"


class Market:
    """The market.data of a pipeline, and feeds that write it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.codec = Codec(Registry(settings))
        self.notices: list[str] = []
        self.healths: list[FeedHealth] = []

    def feed(self, source: ScriptedSource, *symbols: str, **more: Any) -> LiveFeed:
        names = symbols or (SYMBOL,)
        return LiveFeed(self.settings, self.codec, source, names, self.healths.append, self.notices.append, **more)

    def records(self, symbol: str = SYMBOL) -> list[MarketData]:
        found: list[MarketData] = list(read_topic(self.settings, self.codec, TOPIC))
        return [record for record in found if record.symbol == symbol]

    def kinds(self, symbol: str = SYMBOL) -> str:
        """Returns the kinds of all updates of a symbol, a dot for each heartbeat."""
        return "".join(record.kinds or "." for record in self.records(symbol))

    def conflated(self) -> int:
        """Returns the number of conflated quotes, as last said."""
        return self.healths[-1].conflated if self.healths else 0

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something is so."""
        deadline = time.monotonic() + AWAIT_S
        while not await asyncio.to_thread(holds):
            assert time.monotonic() < deadline, f"{self.kinds()} {self.notices}"

    def prove(self, symbol: str = SYMBOL) -> None:
        """Asserts that the times of a symbol rise from update to update."""
        times = [time_ns for record in self.records(symbol) for time_ns in record.times or [record.ts]]
        assert all(first < second for first, second in pairwise(times))


def now(**changes: Any) -> dict[str, Any]:
    """Returns the times of an update that is received now."""
    at = time.time_ns()
    return {"exchange_ns": at, "received_ns": at} | changes


@pytest.fixture
def market(pipeline_settings: Settings) -> Market:
    return Market(pipeline_settings)


def run(scenario: Awaitable[None]) -> None:
    async def within() -> None:
        await asyncio.wait_for(scenario, 2 * AWAIT_S)

    asyncio.run(within())


def test_it_writes_all_updates_between_two_halts(market: Market) -> None:
    async def scenario() -> None:
        source = ScriptedSource()
        feed = market.feed(source, SYMBOL, OTHER)
        feeding = asyncio.create_task(feed.run())
        source.say(quote(**now()), trade(**now()), book()._replace(**now()), quote(symbol=OTHER, **now()))
        await market.until(lambda: "." in market.kinds())
        feed.stop()
        await feeding
        assert source.closed

    run(scenario())
    assert market.kinds().replace(".", "") == "HQRTBH"
    assert market.kinds(OTHER).replace(".", "") == "HQRH"
    assert {record.source for record in market.records()} == {"live:test:script"}
    health = market.healths[-1]
    assert (health.symbols, health.updates, health.halted, health.gaps) == ((SYMBOL, OTHER), 4, (), 0)
    market.prove()


def test_a_heartbeat_moves_its_own_symbol_only(market: Market) -> None:
    async def scenario() -> None:
        source = ScriptedSource()
        feed = market.feed(source)
        feeding = asyncio.create_task(feed.run())
        source.say(quote(**now()))
        await market.until(lambda: market.kinds().endswith(".."))
        feed.stop()
        await feeding

    run(scenario())
    beats = [record for record in read_topic(market.settings, market.codec, TOPIC) if not record.kinds]
    assert {record.symbol for record in beats} == {SYMBOL}


def test_the_same_command_takes_the_symbols_over(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_writer, "TAKING_OVER_S", 1.0)

    async def scenario() -> None:
        first, second = ScriptedSource(), ScriptedSource()
        old = asyncio.create_task(market.feed(first, SYMBOL, OTHER).run())
        first.say(quote(**now()))
        await market.until(lambda: "R" in market.kinds())
        feed = market.feed(second, OTHER, SYMBOL)
        new = asyncio.create_task(feed.run())
        with pytest.raises(FeedError, match="another process"):
            await old
        second.say(quote("51.00", "51.02", **now()))
        await market.until(lambda: market.kinds().count("R") == 2)
        feed.stop()
        await new

    run(scenario())
    assert market.kinds().replace(".", "") == "HQRHQRH"
    market.prove()


def test_another_feed_of_a_symbol_is_refused_while_the_first_is_alive(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = LiveWriter(market.settings, market.codec, [SYMBOL])
    first.write([MarketData(SYMBOL, 1, "H", [1], [], [], [], [], [], [], "")])
    first.demand_first()
    with pytest.raises(FeedError, match=f"{SYMBOL}: another live feed writes this symbol"):
        LiveWriter(market.settings, market.codec, [SYMBOL, OTHER])
    monkeypatch.setattr(live_writer, "ALIVE_NS", 0)
    monkeypatch.setattr(live_writer, "TAKING_OVER_S", 0.0)
    second = LiveWriter(market.settings, market.codec, [SYMBOL, OTHER])
    second.write([MarketData(SYMBOL, 2, "H", [2], [], [], [], [], [], [], "")])
    with pytest.raises(FeedError, match="another process has taken this symbol over"):
        first.write([MarketData(SYMBOL, 3, "H", [3], [], [], [], [], [], [], "")])
    assert [record.ts for record in market.records()] == [1, 2], "a frozen owner that wakes writes nothing"


def test_of_two_that_begin_at_once_the_later_record_gives_up(market: Market) -> None:
    first = LiveWriter(market.settings, market.codec, [SYMBOL])
    second = LiveWriter(market.settings, market.codec, [SYMBOL, OTHER])
    first.write([MarketData(SYMBOL, 1, "H", [1], [], [], [], [], [], [], "")])
    second.write([MarketData(SYMBOL, 2, "H", [2], [], [], [], [], [], [], "")])
    second.demand_first()
    with pytest.raises(FeedError, match="a symbol has one owner"):
        first.demand_first()


def test_a_market_that_is_ahead_is_refused(market: Market) -> None:
    table = synthetic_market(market.settings, 1)
    ahead = table.time - table.time[0] + time.time_ns() + 3_600 * 10**9
    Feed(market.settings, market.codec, replace(table, time=ahead)).run(None)
    with pytest.raises(FeedError, match=r"market.data is already 3,\d+ s ahead"):
        LiveWriter(market.settings, market.codec, [SYMBOL])


def test_a_source_that_fails_ends_the_feed_with_its_error(market: Market) -> None:
    async def scenario() -> None:
        source = ScriptedSource()
        source.say(quote(**now()))
        source.end(RuntimeError("the exchange is gone"))
        with pytest.raises(FeedError, match="test:script: the exchange is gone"):
            await market.feed(source).run()

    run(scenario())
    assert market.kinds() == "HQRH"


def test_a_source_that_refuses_or_hangs_while_it_opens_is_closed(market: Market) -> None:
    class Refusing(ScriptedSource):
        async def open(self, symbols: Sequence[str]) -> None:
            raise FeedError("test: the venue is unknown")

    class Hanging(ScriptedSource):
        async def open(self, symbols: Sequence[str]) -> None:
            await asyncio.Event().wait()

    async def scenario() -> None:
        refusing, hanging = Refusing(), Hanging()
        with pytest.raises(FeedError, match="the venue is unknown"):
            await market.feed(refusing).run()
        feed = market.feed(hanging)
        feed.stop()
        await feed.run()
        assert (refusing.closed, hanging.closed) == (True, True)

    run(scenario())
    assert market.kinds() == ""


@contextmanager
def standing_broker(settings: Settings) -> Iterator[None]:
    """Freezes the broker inside the block."""
    identity = processes.read_pid_file(local_stack.pid_file(settings, KafkaServer()))
    if identity is None:
        pytest.skip("the servers run in containers")
    broker = psutil.Process(identity.pid)
    broker.suspend()
    try:
        yield
    finally:
        broker.resume()


def test_while_kafka_stands_quotes_conflate_and_trades_stay(market: Market) -> None:
    async def scenario() -> None:
        source = ScriptedSource()
        feed = market.feed(source, queue_max=100)
        feeding = asyncio.create_task(feed.run())
        source.say(quote(**now()))
        await market.until(lambda: "R" in market.kinds())
        with standing_broker(market.settings):
            for number in range(300):
                source.say(quote(bid_size=Decimal(number + 1), **now()))
                if number % 10 == 0:
                    source.say(trade(**now()))
                await asyncio.sleep(0)
            await market.until(lambda: source.is_heard)
        await market.until(lambda: market.kinds().count("T") == 30 and market.conflated() > 150)
        feed.stop()
        await feeding

    run(scenario())
    assert 0 < market.kinds().count("Q") < 150
    assert sizes(market)[-1] == px(300), "the newest quote is there"
    assert market.kinds().replace(".", "").count("H") == 2, "at the beginning and at the end"
    market.prove()


def test_a_full_queue_halts_and_goes_on(market: Market) -> None:
    async def scenario() -> None:
        source = ScriptedSource()
        feed = market.feed(source, queue_max=10)
        feeding = asyncio.create_task(feed.run())
        source.say(*(trade(**now()) for _ in range(50)))
        await market.until(lambda: any("queue was full" in text for text in market.notices))
        source.say(quote(**now()))
        await market.until(lambda: "R" in market.kinds())
        feed.stop()
        await feeding

    run(scenario())
    assert market.kinds().count("T") == 10
    market.prove()


def test_a_recording_fed_again_gives_the_same_updates(market: Market, tmp_path: Path) -> None:
    async def scenario() -> None:
        source = ScriptedSource()
        source.say(quote(**now()), trade(**now()), book()._replace(**now()), quote(symbol=OTHER, **now()))
        source.say(trade(**now()), trade(**now()), quote(symbol=OTHER, **now()), trade(symbol=OTHER, **now()))
        source.end()
        await market.feed(source, SYMBOL, OTHER, recording=recording).run()

    with FeedRecording(tmp_path) as recording:
        run(scenario())
    live = {symbol: updates(market.records(symbol)) for symbol in (SYMBOL, OTHER)}
    assert all(live.values())
    again = Market(market.settings.model_copy(update={"topic_prefix": f"{market.settings.topic_prefix}again."}))
    stacks.prepare(again.settings)
    try:
        Feed(again.settings, again.codec, FileMarket(sorted(tmp_path.glob("*.parquet")))).run(None)
        assert {symbol: updates(again.records(symbol)) for symbol in live} == live
    finally:
        stacks.remove_topics(again.settings)


def updates(records: list[MarketData]) -> list[tuple[Any, ...]]:
    """Returns the updates of records as kind, time and numbers, without their batches."""
    found: list[tuple[Any, ...]] = []
    for record in records:
        rows = MarketRows(record)
        take = {"Q": rows.next_quote, "T": rows.next_trade, "B": rows.next_levels}
        for kind, time_ns in zip(record.kinds, record.times, strict=True):
            found.append((kind, int(time_ns), take[kind]() if kind in take else ()))
    return found


def test_an_unknown_symbol_is_refused_with_the_command_that_helps(market: Market) -> None:
    with pytest.raises(FeedError, match="`paper instruments fetch binance NO/SUCH`"):
        demand_instruments(market.settings, "binance", [SYMBOL, "NO/SUCH"])
    with pytest.raises(FeedError, match="given twice"):
        demand_instruments(market.settings, "binance", [SYMBOL, SYMBOL])


def sizes(market: Market) -> list[int]:
    """Returns the bid sizes of all quotes, which the endless feed counts up."""
    return [size for record in market.records() for size in record.bid_sz]


def endless(market: Market, folder: Path, *options: str) -> Any:
    return running(market.settings, folder, SYMBOL, *options, module=MODULE)


def await_quotes(market: Market, feed: Background, count: int) -> None:
    deadline, goal = time.monotonic() + AWAIT_S, len(sizes(market)) + count
    while len(sizes(market)) < goal:
        assert time.monotonic() < deadline, feed.log.read_text()
        assert feed.process.poll() is None, feed.log.read_text()


def test_killed_and_started_again_it_marks_the_gap_and_doubles_nothing(market: Market, tmp_path: Path) -> None:
    with endless(market, tmp_path) as feed:
        await_quotes(market, feed, 30)
        feed.kill()
    before = len(market.kinds().replace(".", ""))
    with endless(market, tmp_path) as feed:
        await_quotes(market, feed, 30)
        assert feed.stop() == 0
    kinds = market.kinds().replace(".", "")
    assert (kinds[before : before + 3], kinds[-2:]) == ("HQR", "QH"), kinds
    assert len(set(sizes(market))) == len(sizes(market)), "each quote has a size of its own"
    market.prove()


LINES = 3


def test_its_lines_are_its_health_and_ctrl_c_ends_it(market: Market, tmp_path: Path) -> None:
    with endless(market, tmp_path, "--json") as feed:
        while feed.log.read_text().count('"updates"') < LINES:
            await_quotes(market, feed, 30)
        feed.process.send_signal(signal.SIGINT)
        assert feed.process.wait(AWAIT_S) == 130
    lines = [json.loads(line) for line in feed.log.read_text().splitlines() if line.startswith("{")]
    assert lines[-1]["updates"] > lines[0]["updates"] > 0
    assert {(line["source"], line["connected"], tuple(line["halted"])) for line in lines[1:]} == {
        ("test:script", True, ())
    }


def test_it_goes_on_after_a_killed_broker(market: Market, tmp_path: Path) -> None:
    with endless(market, tmp_path) as feed:
        await_quotes(market, feed, 30)
        kill(market.settings, KafkaServer())
        start_prepared_servers(market.settings)
        await_quotes(market, feed, 30)
        assert feed.stop() == 0
    assert len(set(sizes(market))) == len(sizes(market))
    assert sizes(market) == sorted(sizes(market))
    market.prove()
