"""`paper feed live alpaca` as a process: messages of Alpaca's stream are on the topic exactly, and gaps are marked."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import MarketData
from schemas.registry import Registry
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.live.live_times import FAR_NS
from tests.end_to_end.processes import running, told
from tests.end_to_end.running_exchange import live_settings
from tests.pipeline.live.exchange.loopback_alpaca import KEYS, LoopbackAlpaca, stamp
from tests.pipeline.live.test_alpaca_source import quote, status, trade

DEADLINE_S = 60.0
AAPL = """
[[instrument]]
symbol = "AAPL"
currency = "USD"
tick_size = "0.01"
lot_size = "1"
min_quantity = "1"
max_quantity = "10000"
"""


@pytest.fixture
def settings(pipeline_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a pipeline whose reference data have AAPL, with the keys in the environment."""
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    found = live_settings(pipeline_settings, tmp_path)
    found.reference_data.write_text(found.reference_data.read_text() + AAPL)
    return found


class WrittenMarket:
    """The records of AAPL on market.data."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._codec = settings, Codec(Registry(settings))

    def records(self) -> list[MarketData]:
        found: list[MarketData] = list(read_topic(self._settings, self._codec, "market.data"))
        return [record for record in found if record.symbol == "AAPL"]

    def kinds(self) -> str:
        return "".join(record.kinds for record in self.records())

    async def until(self, kinds: str) -> None:
        """Waits until the updates are of these kinds."""
        deadline = time.monotonic() + DEADLINE_S
        while (found := await asyncio.to_thread(self.kinds)) != kinds:
            assert time.monotonic() < deadline, f"{found} is not {kinds}"


def test_the_market_of_alpaca_is_on_the_topic(settings: Settings, tmp_path: Path) -> None:
    market = WrittenMarket(settings)
    sent: list[int] = []

    def at() -> dict[str, Any]:
        sent.append(time.time_ns())
        return {"t": stamp(sent[-1])}

    async def scenario() -> None:
        async with LoopbackAlpaca() as alpaca:
            addresses = ("--url", f"stock={alpaca.urls['stock']}")
            with running(settings, tmp_path, "feed", "live", "alpaca", "AAPL", *addresses) as feed:
                await alpaca.until(lambda: alpaca.is_subscribed("AAPL"))
                # Each message is stamped after what the feed itself has said: its times are not moved then.
                await market.until("H")
                await alpaca.send(quote(**at()))
                await market.until("HQR")
                await alpaca.send(trade(**at()))
                await market.until("HQRT")
                await alpaca.cut()
                await market.until("HQRTH")
                await alpaca.send(quote(**at()))
                await market.until("HQRTHQR")
                await alpaca.send(status("H"))
                await market.until("HQRTHQRH")
                await alpaca.send(status("T"), quote(**at()))
                await market.until("HQRTHQRHQR")
                await alpaca.send(trade(s=7, **at()))
                await market.until("HQRTHQRHQRT")
                assert await asyncio.to_thread(feed.stop) == 0

    asyncio.run(scenario())
    records = market.records()
    rows = [row for record in records for row in zip(record.kinds, record.times, strict=True)]
    times = [time_ns for kind, time_ns in rows if kind in "QT"]
    assert times[0] == sent[0]
    # A heartbeat that came on the way of a message moves it behind.
    assert all(0 <= found - stamped < FAR_NS for found, stamped in zip(times, sent, strict=True))
    assert [kind for kind, _ in rows][-1] == "H"
    assert [price for record in records for price in record.trade_px] == [190_012_500_000] * 2
    assert [size for record in records for size in record.trade_sz] == [10_000_000_000, 7_000_000_000]
    assert {record.source for record in records if record.kinds} == {"live:alpaca:alpaca-py"}


def test_a_feed_without_keys_names_them(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APCA_API_SECRET_KEY")
    said = told(settings, "feed", "live", "alpaca", "AAPL", code=1)
    assert "APCA_API_SECRET_KEY not set in the environment" in said
