"""Drafts of instrument definitions: tick, lot and maximum inferred from market data, the currency from the symbol.

The tick is the greatest common divisor of the prices at which somebody quoted. Prints count only if there is nothing
else: hidden orders trade at the middle, between two ticks.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import gcd

import numpy as np

from schemas.records.numbers import PRICE_DIGITS, PRICE_SCALE, plain, price_to_decimal
from streams.core.reference.declarations import InstrumentConfig
from streams.pipeline.feed.pack import levels_of
from streams.pipeline.feed.table import BOOK, QUOTE, TRADE, Ints, MarketTable

QUOTE_CURRENCIES = ("USDT", "USDC", "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "BTC", "ETH")
ENOUGH = 10
"""Different prices from which on their greatest common divisor is the tick.

The chance that n numbers have a common divisor above 1 by accident is 1 - 1 / zeta(n): 0.1 % for 10 numbers.
Source: Nymann 1972, "On the probability that k positive integers are relatively prime".
"""
LARGEST_SIZES = 10
"""The maximum quantity, in units of the largest size seen: an order beyond that is a slip."""
VALUE_MAX = 10_000_000
"""The value of the maximum quantity in the instrument's currency, if the market shows no sizes."""
QUANTITY_MAX = 100_000_000 * PRICE_SCALE
DECIMAL_STEPS: tuple[int, ...] = tuple(10**digits for digits in range(PRICE_DIGITS, -1, -1))
"""Powers of ten in 1e-9 units, from 1 unit down."""


@dataclass(slots=True)
class _Steps:
    """The greatest common divisor of numbers, the largest, and some different ones, at most 2 * ENOUGH of them."""

    divisor: int = 0
    largest: int = 0
    different: set[int] = field(default_factory=set)

    def take(self, numbers: Ints) -> None:
        """Takes further numbers; those that are not above 0 say that something is absent."""
        found = np.unique(numbers[numbers > 0])
        if len(found):
            self.divisor = gcd(self.divisor, int(np.gcd.reduce(found)))
            self.largest = max(self.largest, int(found[-1]))
            if len(self.different) < ENOUGH:
                self.different.update(found[:ENOUGH].tolist())

    def decimal_step(self) -> int:
        """Returns the largest power of ten of units, at most 1, that divides all numbers."""
        return next(unit for unit in DECIMAL_STEPS if self.divisor % unit == 0)

    def step(self) -> int:
        """Returns the greatest common divisor, or the decimal step if there are too few numbers to trust it."""
        return self.divisor if len(self.different) >= ENOUGH else self.decimal_step()


@dataclass(slots=True)
class _Draft:
    """An instrument as market data show it. Prices and sizes in 1e-9."""

    quoted: _Steps = field(default_factory=_Steps)
    traded: _Steps = field(default_factory=_Steps)
    sizes: _Steps = field(default_factory=_Steps)

    def take(self, table: MarketTable, code: int) -> None:
        """Takes the updates of the symbol with this code."""
        own = table.symbol == code
        quotes, trades = (np.flatnonzero(own & (table.kind == kind)) for kind in (QUOTE, TRADE))
        levels = levels_of(table, np.flatnonzero(own & (table.kind == BOOK)))
        for prices in (table.bid_px[quotes], table.ask_px[quotes], table.level_px[levels]):
            self.quoted.take(prices)
        self.traded.take(table.bid_px[trades])
        for sizes in (table.bid_sz[quotes], table.ask_sz[quotes], table.level_sz[levels], table.bid_sz[trades]):
            self.sizes.take(sizes)

    def instrument(self, symbol: str) -> InstrumentConfig:
        """Returns the definition. Without any price the tick is 1, without sizes the lot."""
        prices = self.quoted if self.quoted.largest else self.traded
        lot = self.sizes.decimal_step()
        return InstrumentConfig(
            symbol=symbol,
            currency=_currency(symbol),
            tick_size=price_to_decimal(prices.step()),
            lot_size=price_to_decimal(lot),
            min_quantity=price_to_decimal(lot),
            max_quantity=price_to_decimal(self._largest_order(prices.largest, lot)),
        )

    def _largest_order(self, price: int, lot: int) -> int:
        if self.sizes.largest:
            return min(self.sizes.largest * LARGEST_SIZES, QUANTITY_MAX)
        units = VALUE_MAX * PRICE_SCALE // max(price, 1)
        return min(10 ** (len(str(units)) - 1) * lot, QUANTITY_MAX) if units else lot


def infer_instruments(table: MarketTable) -> tuple[InstrumentConfig, ...]:
    """Returns an instrument for each symbol, without fees and with trading days that end at midnight UTC."""
    return infer_from([table])


def infer_from(tables: Iterable[MarketTable]) -> tuple[InstrumentConfig, ...]:
    """Returns the same for the symbols of several tables, in the order of their first sight. Holds one at a time."""
    drafts: dict[str, _Draft] = {}
    for table in tables:
        for code, symbol in enumerate(table.symbols):
            drafts.setdefault(symbol, _Draft()).take(table, code)
    return tuple(draft.instrument(symbol) for symbol, draft in drafts.items())


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
    tail += [f'contract_multiplier = "{plain(item.contract_multiplier)}"'] if item.contract_multiplier != 1 else []
    tail += [f"expires_at = {item.expires_at.isoformat()}"] if item.expires_at else []
    tail += [f'borrow_rate = "{plain(item.borrow_rate)}"'] if item.borrow_rate else []
    fee = ", ".join(f"{name} = {json.dumps(value)}" for name, value in item.fee.model_dump(mode="json").items())
    return "\n".join(["[[instrument]]", *head, *lines, *tail, f"fee = {{{fee}}}", ""])
