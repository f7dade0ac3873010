"""Instruments as Alpaca defines its assets: steps and bounds of stocks and coins.

Fields: https://docs.alpaca.markets/reference/get-v2-assets-symbol_or_asset_id.
"""

import json
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from schemas.records.numbers import price_to_decimal
from streams.core.reference.declarations import FeeConfig, InstrumentConfig
from streams.errors import FeedError
from streams.pipeline.feed.infer_instruments import QUANTITY_MAX
from streams.pipeline.live.alpaca_keys import KEY_NAME, SECRET_NAME, demand_addresses, demand_keys
from streams.pipeline.live.listed_instrument import ListedInstrument
from streams.pipeline.live.update_checks import number_of
from streams.pipeline.live.update_refusals import RefusedUpdate

ADDRESS = "https://paper-api.alpaca.markets"
REST = "rest"
ANSWER_S = 30.0
ANSWER_BYTES_MAX = 65_536
STOCK_CLASS, COIN_CLASS = "us_equity", "crypto"
CENT, SHARE = Decimal("0.01"), Decimal(1)
SHARE_FRACTION = Decimal("0.000000001")
"""The step of a stock that Alpaca trades in fractions: nine decimals."""
COIN_FEES = {"maker_rate": "0.0015", "taker_rate": "0.0025"}
"""Fees of coins at the lowest volume: https://docs.alpaca.markets/docs/crypto-fees."""
NO_FEES = {"maker_rate": "0", "taker_rate": "0"}
STOCK_REMARK = (
    "no commission; the regulators' fees on sales are left out, and prices below 1 USD have steps of a cent too"
)


async def alpaca_instruments_of(
    symbols: Sequence[str], urls: Mapping[str, str], keys: Mapping[str, str] = os.environ
) -> list[ListedInstrument]:
    """Fetches the definitions of symbols. urls: rest, the address of Alpaca's trading API.

    Raises FeedError if a key is missing or refused, a symbol is unknown or not traded, or Alpaca can't be reached.
    """
    demand_addresses(urls, (REST,), "http")
    key, secret = demand_keys(keys)
    headers = {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret}
    base = urls.get(REST, ADDRESS).rstrip("/")
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    names = dict.fromkeys(symbol.upper() for symbol in symbols)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        return [alpaca_instrument(name, await _asset(session, base, name)) for name in names]


async def _asset(session: aiohttp.ClientSession, base: str, symbol: str) -> Mapping[str, Any]:
    """Returns Alpaca's answer about a symbol. Raises FeedError."""
    url = URL(f"{base}/v2/assets/{quote(symbol, safe='')}", encoded=True)
    try:
        async with session.get(url, allow_redirects=False) as answer:
            body, status = await _body(answer), answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        told = str(error) or type(error).__name__
        raise FeedError(
            f"alpaca can't be reached: {told}; check the network and https://status.alpaca.markets"
        ) from error
    if status in (401, 403):
        raise FeedError(
            f"alpaca refused the keys (HTTP {status}); check {KEY_NAME} and {SECRET_NAME} of a paper account"
        )
    if status == 404:
        raise FeedError(f"alpaca has no symbol {symbol}; stocks are written AAPL, coins BTC/USD")
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if status != 200 or not isinstance(found, dict):
        raise FeedError(f"alpaca {symbol}: no definition in the answer (HTTP {status}); try again in some minutes")
    return found


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """Returns the answer's bytes; of one that is too long the beginning, which is no JSON."""
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            break
    return body


def alpaca_instrument(symbol: str, asset: Mapping[str, Any]) -> ListedInstrument:
    """Converts an asset. Raises FeedError if it can't be traded, or the definition has no use."""
    if asset.get("tradable") is not True or asset.get("status") != "active":
        raise FeedError(f"alpaca {symbol}: Alpaca does not trade it now; choose another symbol")
    try:
        if asset.get("class") == STOCK_CLASS and "/" not in symbol:
            return ListedInstrument(_stock(symbol, asset), (STOCK_REMARK,))
        if asset.get("class") == COIN_CLASS and "/" in symbol:
            return ListedInstrument(_coin(symbol, asset), ())
    except (RefusedUpdate, ValueError) as error:
        raise FeedError(f"alpaca {symbol}: the definition can't be used: {error}") from error
    told = str(asset.get("class"))[:40]
    raise FeedError(f"alpaca {symbol}: an asset of the class {told}; the feed has {STOCK_CLASS} and {COIN_CLASS}")


def _stock(symbol: str, asset: Mapping[str, Any]) -> InstrumentConfig:
    lot = SHARE_FRACTION if asset.get("fractionable") is True else SHARE
    return InstrumentConfig(
        symbol=symbol,
        currency="USD",
        tick_size=CENT,
        lot_size=lot,
        min_quantity=lot,
        max_quantity=price_to_decimal(QUANTITY_MAX),
        calendar="XNYS",
        timezone="America/New_York",
        fee=FeeConfig.model_validate({"model": "rates", **NO_FEES}),
    )


def _coin(symbol: str, asset: Mapping[str, Any]) -> InstrumentConfig:
    """Returns the instrument of a coin. Raises RefusedUpdate or ValueError if a step is missing or out of range."""
    lot = number_of(asset.get("min_trade_increment"), "step of quantity")
    return InstrumentConfig(
        symbol=symbol,
        currency=symbol.partition("/")[2],
        tick_size=number_of(asset.get("price_increment"), "step of price"),
        lot_size=lot,
        min_quantity=max(number_of(asset.get("min_order_size"), "least quantity"), lot),
        max_quantity=price_to_decimal(QUANTITY_MAX),
        fee=FeeConfig.model_validate({"model": "rates", **COIN_FEES}),
    )
