"""Instruments of an exchange: the venue's steps, bounds and fees, written after a look at the change."""

from __future__ import annotations

import asyncio
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest

from infra.settings import REPOSITORY, Settings
from streams.core.reference.declarations import InstrumentConfig
from streams.errors import FeedError
from streams.pipeline.live.exchange_instruments import instruments_of, listed_instrument
from streams.pipeline.reference.instruments_text import with_instrument
from streams.pipeline.reference.load_config import load_instruments
from tests.end_to_end.processes import paper
from tests.pipeline.live.exchange.loopback import LoopbackExchange
from tests.pipeline.live.exchange.recordings import generated

MARKETS = [generated("spot", 1, 1), generated("usdm", 1, 1)]


def fetched(*symbols: str) -> list[tuple[InstrumentConfig, tuple[str, ...]]]:
    async def main() -> list[tuple[InstrumentConfig, tuple[str, ...]]]:
        async with LoopbackExchange(MARKETS) as exchange:
            return [*await instruments_of("binance", symbols, exchange.urls)]

    return asyncio.run(main())


def test_steps_bounds_and_fees_are_the_venues() -> None:
    (spot, spot_remarks), (swap, swap_remarks) = fetched("eth/usdt", "BTC/USDT:USDT")
    assert (spot.symbol, spot.currency, spot.tick_size, spot.lot_size) == (
        "ETH/USDT",
        "USDT",
        Decimal("0.01"),
        Decimal("0.0001"),
    )
    assert (spot.min_quantity, spot.max_quantity) == (Decimal("0.0001"), Decimal(9_000))
    assert spot.fee.parameters == {"maker_rate": "0.001", "taker_rate": "0.001"}
    assert spot_remarks == ("the venue takes no order below 5 USDT; paper trading does",)
    assert (swap.symbol, swap.tick_size, swap.max_quantity) == ("BTC/USDT:USDT", Decimal("0.1"), Decimal(1_000))
    assert swap.fee.parameters == {"maker_rate": "0.0002", "taker_rate": "0.0005"}
    assert "100 USDT" in swap_remarks[0]


SWAP: dict[str, Any] = {
    "symbol": "BTC/USDT:USDT",
    "quote": "USDT",
    "settle": "USDT",
    "contract": True,
    "inverse": False,
    "contractSize": 0.01,
    "precision": {"amount": 1.0, "price": 0.1},
    "limits": {"amount": {"min": 1.0, "max": None}, "cost": {}},
    "maker": 0.0002,
    "taker": 0.0005,
}
"""OKX's BTC-USDT-SWAP as ccxt 4.5 gives it."""


def test_a_contract_size_becomes_the_multiplier() -> None:
    instrument = listed_instrument("okx", SWAP, ccxt.TICK_SIZE).instrument
    assert (instrument.contract_multiplier, instrument.max_quantity) == (Decimal("0.01"), Decimal(100_000_000))
    assert 'contract_multiplier = "0.01"' in with_instrument("", instrument)
    large = listed_instrument("okx", SWAP | {"contractSize": 1000.0}, ccxt.TICK_SIZE).instrument
    assert large.max_quantity == 999_999, "a venue without a largest order gets the largest that money can hold"


def test_a_futures_expiry_is_the_venues() -> None:
    """Binance's BTCUSDT_240329, delivered on 2024-03-29 at 08:00 UTC."""
    instrument = listed_instrument("binance", SWAP | {"expiry": 1_711_699_200_000}, ccxt.TICK_SIZE).instrument
    assert instrument.expires_at == datetime(2024, 3, 29, 8, tzinfo=UTC)
    text = with_instrument("", instrument)
    assert "expires_at = 2024-03-29T08:00:00+00:00" in text
    assert InstrumentConfig.model_validate(tomllib.loads(text)["instrument"][0]).expires_at == instrument.expires_at


@pytest.mark.parametrize("expiry", [-1, 10**16, "soon", 1.5])
def test_an_expiry_that_is_no_time_is_refused(expiry: object) -> None:
    with pytest.raises(FeedError, match="is no time in milliseconds"):
        listed_instrument("binance", SWAP | {"expiry": expiry}, ccxt.TICK_SIZE)


@pytest.mark.parametrize("change", [{"inverse": True, "settle": "BTC"}, {"settle": "BTC"}], ids=["inverse", "quanto"])
def test_a_contract_settled_in_another_currency_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FeedError, match=r"priced in USDT and settled in BTC; .*choose a linear one"):
        listed_instrument("okx", SWAP | change, ccxt.TICK_SIZE)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(FeedError, match="near it are ETH/USDT"):
        fetched("ETH/USD")
    with pytest.raises(FeedError, match=r"venue binanze: .* near it are binance"):
        asyncio.run(instruments_of("binanze", ["ETH/USDT"], {}))


def test_the_rest_of_a_file_stays(tmp_path: Path) -> None:
    (listed,) = fetched("ETH/USDT")
    old = (REPOSITORY / "infra/reference/instruments.toml").read_text()
    new = with_instrument(old, listed[0])
    assert new.startswith(old)
    assert with_instrument(new, listed[0]) == new
    dearer = new.replace('maker_rate = "0.001"', 'maker_rate = "0.5"').replace(
        'symbol = "ETH/USDT"\n', '# Mine.\nmargin_rate = "0.1"\nsymbol = "ETH/USDT"\n'
    )
    mended = with_instrument(dearer + "\n[minor_units_of_mine]\n", listed[0])
    assert mended == dearer.replace('0.5", taker_rate', '0.001", taker_rate') + "\n[minor_units_of_mine]\n"
    path = tmp_path / "instruments.toml"
    path.write_text(new)
    assert load_instruments(path)[-1] == listed[0]


@contextmanager
def running_exchange() -> Iterator[LoopbackExchange]:
    """An exchange in a thread of its own, for commands that are processes."""
    started, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    found: list[LoopbackExchange] = []

    async def main() -> None:
        async with LoopbackExchange(MARKETS) as exchange:
            found.append(exchange)
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        assert started.wait(10)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def test_the_command_shows_the_change_and_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "instruments.toml"
    old = (REPOSITORY / "infra/reference/instruments.toml").read_text()
    path.write_text(old)
    settings = Settings(reference_data=path)
    with running_exchange() as exchange:
        fetch = ("instruments", "fetch", "binance", "ETH/USDT", "--url", f"rest={exchange.urls['rest']}")
        asked = paper(settings, *fetch)
        assert asked.returncode == 1
        assert '+symbol = "ETH/USDT"' in asked.stdout
        assert path.read_text() == old
        written = paper(settings, *fetch, "--yes")
        assert written.returncode == 0, written.stderr
        assert load_instruments(path)[-1].symbol == "ETH/USDT"
        again = paper(settings, *fetch)
        assert again.returncode == 0
        assert "has these definitions already" in again.stderr
