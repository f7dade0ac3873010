"""Drafts of instrument definitions: tick and lot size inferred from market data, the currency from the symbol."""

import json
import re
from decimal import Decimal

import numpy as np

from schemas.records.numbers import PRICE_DIGITS, plain, price_to_decimal
from streams.core.reference.declarations import InstrumentConfig
from streams.pipeline.feed.pack import levels_of
from streams.pipeline.feed.table import BOOK, QUOTE, TRADE, Ints, MarketTable

QUOTE_CURRENCIES = ("USDT", "USDC", "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "BTC", "ETH")
MAX_QUANTITY_LOTS = 10_000_000


def infer_instruments(table: MarketTable) -> tuple[InstrumentConfig, ...]:
    """Returns an instrument for each symbol, without fees and with trading days that end at midnight UTC."""
    return tuple(_instrument(table, code, symbol) for code, symbol in enumerate(table.symbols))


def _instrument(table: MarketTable, code: int, symbol: str) -> InstrumentConfig:
    own = table.symbol == code
    quotes = own & (table.kind == QUOTE)
    rows = quotes | (own & (table.kind == TRADE))
    levels = levels_of(table, np.flatnonzero(own & (table.kind == BOOK)))
    prices = np.concatenate([table.bid_px[rows], table.ask_px[quotes], table.level_px[levels]])
    sizes = np.concatenate([table.bid_sz[rows], table.ask_sz[quotes], table.level_sz[levels]])
    sizes = sizes[sizes > 0]
    lot = _step(sizes) if len(sizes) else Decimal(1)
    return InstrumentConfig(
        symbol=symbol,
        currency=_currency(symbol),
        tick_size=_step(prices[prices > 0]),
        lot_size=lot,
        min_quantity=lot,
        max_quantity=min(lot * MAX_QUANTITY_LOTS, Decimal(100_000_000)),
    )


def _step(values: Ints) -> Decimal:
    """Returns the largest power of ten, at most 1, that divides all values."""
    for digits in range(PRICE_DIGITS + 1):
        unit = 10 ** (PRICE_DIGITS - digits)
        if not np.any(values % unit):
            return price_to_decimal(unit)
    raise AssertionError("every integer is a multiple of 1")


def _currency(symbol: str) -> str:
    name = re.split(r"[.:/_-]", symbol)[0].upper()
    matches = (currency for currency in QUOTE_CURRENCIES if name.endswith(currency) and name != currency)
    return next(matches, "USD")


def to_toml(instruments: tuple[InstrumentConfig, ...]) -> str:
    """Returns the text of an instruments file."""
    return "\n".join(_toml(item) for item in instruments)


def _toml(item: InstrumentConfig) -> str:
    numbers = ("tick_size", "lot_size", "min_quantity", "max_quantity")
    lines = [f'{name} = "{plain(getattr(item, name))}"' for name in numbers]
    head = [f'symbol = "{item.symbol}"', f'currency = "{item.currency}"']
    tail = [f'timezone = "{item.timezone}"']
    tail += [f"day_start = {item.day_start.isoformat()}"] if item.day_start else []
    tail += [f"day_end = {item.day_end.isoformat()}"] if item.day_end else []
    tail += [f'calendar = "{item.calendar}"'] if item.calendar else []
    tail += [f'simulator = "{item.simulator}"'] if item.simulator else []
    tail += [] if item.tradable else ["tradable = false"]
    tail += [f'margin_rate = "{plain(item.margin_rate)}"'] if item.margin_rate != 1 else []
    tail += [f'borrow_rate = "{plain(item.borrow_rate)}"'] if item.borrow_rate else []
    fee = ", ".join(f"{name} = {json.dumps(value)}" for name, value in item.fee.model_dump(mode="json").items())
    return "\n".join(["[[instrument]]", *head, *lines, *tail, f"fee = {{{fee}}}", ""])
