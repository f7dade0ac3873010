"""The markets that the loopback exchange lists, as Binance's REST interfaces tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.pipeline.live.exchange.recordings import Recording

GONE = "GONE"
"""The status of a market that is not listed at all."""


def exchange_info(kind: str, recordings: Sequence[Recording], statuses: Mapping[str, str]) -> dict[str, Any]:
    """Returns the answer to exchangeInfo for the markets of a kind: spot or usdm. statuses: by id, else TRADING."""
    listed = [
        (_spot(item) if kind == "spot" else _usdm(item)) | {"status": statuses.get(item.market_id, "TRADING")}
        for item in recordings
        if item.kind == kind and statuses.get(item.market_id) != GONE
    ]
    return {"timezone": "UTC", "serverTime": 1_723_161_254_000, "rateLimits": [], "symbols": listed}


def _names(recording: Recording) -> dict[str, Any]:
    base, quote = recording.symbol.split(":")[0].split("/")
    return {
        "symbol": recording.market_id,
        "baseAsset": base,
        "quoteAsset": quote,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
    }


def _spot(recording: Recording) -> dict[str, Any]:
    return _names(recording) | {
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.0001", "maxQty": "9000.00", "stepSize": "0.0001"},
            {"filterType": "NOTIONAL", "minNotional": "5.00", "maxNotional": "9000000.00"},
        ],
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
    }


def _usdm(recording: Recording) -> dict[str, Any]:
    return _names(recording) | {
        "pair": recording.market_id,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "underlyingType": "COIN",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "4529764", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC"],
    }
