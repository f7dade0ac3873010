"""Instruments of Alpaca: steps and bounds of its assets, written into the reference data; refusals in words."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from streams.core.reference.declarations import InstrumentConfig
from streams.errors import FeedError
from streams.pipeline.live.alpaca_instruments import alpaca_instrument, alpaca_instruments_of
from streams.pipeline.live.exchange_instruments import instruments_of
from streams.pipeline.live.listed_instrument import ListedInstrument
from streams.pipeline.reference.instruments_text import with_instrument
from tests.pipeline.live.exchange.loopback_alpaca import KEYS

STOCK: dict[str, Any] = {"class": "us_equity", "status": "active", "tradable": True, "fractionable": False}
COIN: dict[str, Any] = {
    "class": "crypto",
    "status": "active",
    "tradable": True,
    "min_order_size": "0.000026873",
    "min_trade_increment": "0.000000001",
    "price_increment": "1",
}
ASSETS = {"AAPL": STOCK, "BTC/USD": COIN}


def fetched(symbols: Sequence[str], keys: Mapping[str, str] = KEYS, body: bytes = b"") -> list[ListedInstrument]:
    """Fetches symbols from a trading API on this machine. body: its answer to everything, if there is one."""

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("APCA-API-SECRET-KEY") != KEYS["APCA_API_SECRET_KEY"]:
            return web.json_response({"message": "forbidden."}, status=403)
        if body:
            return web.Response(body=body)
        asset = ASSETS.get(request.match_info["symbol"])
        return web.json_response(asset or {"code": 40410000}, status=200 if asset else 404)

    async def main() -> list[ListedInstrument]:
        app = web.Application()
        app.router.add_get("/v2/assets/{symbol:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            address = f"http://127.0.0.1:{runner.addresses[0][1]}"
            return await alpaca_instruments_of(symbols, {"rest": address}, keys)
        finally:
            await runner.cleanup()

    return asyncio.run(main())


def test_a_stock_and_a_coin_have_alpacas_steps() -> None:
    (stock, remarks), (coin, _) = fetched(["aapl", "BTC/USD", "AAPL"])
    assert (stock.symbol, stock.currency, stock.tick_size, stock.lot_size) == (
        "AAPL",
        "USD",
        Decimal("0.01"),
        Decimal(1),
    )
    assert (stock.calendar, stock.timezone) == ("XNYS", "America/New_York")
    assert "no commission" in remarks[0]
    assert (coin.symbol, coin.currency, coin.tick_size, coin.lot_size) == (
        "BTC/USD",
        "USD",
        Decimal(1),
        Decimal("1E-9"),
    )
    assert coin.min_quantity == Decimal("0.000026873")
    assert coin.fee.parameters == {"maker_rate": "0.0015", "taker_rate": "0.0025"}


def test_a_stock_of_fractions_has_nine_decimals() -> None:
    assert alpaca_instrument("AAPL", STOCK | {"fractionable": True}).instrument.lot_size == Decimal("0.000000001")


def test_what_is_written_is_what_was_fetched() -> None:
    for instrument, _ in fetched(["AAPL", "BTC/USD"]):
        (written,) = tomllib.loads(with_instrument("", instrument))["instrument"]
        assert InstrumentConfig.model_validate(written) == instrument


def test_an_unknown_symbol_is_told() -> None:
    with pytest.raises(FeedError, match=r"^alpaca has no symbol NOSUCH; stocks are written AAPL"):
        fetched(["AAPL", "NOSUCH"])


def test_refused_and_missing_keys_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FeedError, match="alpaca refused the keys") as refused:
        fetched(["AAPL"], KEYS | {"APCA_API_SECRET_KEY": "swordfish"})
    assert "swordfish" not in str(refused.value)
    monkeypatch.delenv("APCA_API_KEY_ID", raising=False)
    with pytest.raises(FeedError, match="APCA_API_KEY_ID"):
        asyncio.run(instruments_of("alpaca", ["AAPL"], {}))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"1" * 100_000], ids=["html", "list", "long"])
def test_an_answer_without_a_definition_is_told(body: bytes) -> None:
    with pytest.raises(FeedError, match="alpaca AAPL: no definition in the answer"):
        fetched(["AAPL"], body=body)


@pytest.mark.parametrize(
    ("symbol", "asset", "told"),
    [
        ("AAPL", STOCK | {"tradable": False}, "does not trade it now"),
        ("AAPL", STOCK | {"status": "inactive"}, "does not trade it now"),
        ("AAPL", STOCK | {"class": "us_option"}, "an asset of the class us_option"),
        ("AAPL", COIN, "an asset of the class crypto"),
        ("BTC/USD", COIN | {"price_increment": None}, "can't be used"),
        ("BTC/USD", COIN | {"min_trade_increment": "NaN"}, "can't be used"),
        ("BTC/USD", COIN | {"min_order_size": "-1"}, "can't be used"),
    ],
)
def test_what_cant_be_traded_is_refused(symbol: str, asset: Mapping[str, Any], told: str) -> None:
    with pytest.raises(FeedError, match=told):
        alpaca_instrument(symbol, asset)


def test_no_network_is_told() -> None:
    with pytest.raises(FeedError, match="alpaca can't be reached"):
        asyncio.run(alpaca_instruments_of(["AAPL"], {"rest": "http://127.0.0.1:1"}, KEYS))
