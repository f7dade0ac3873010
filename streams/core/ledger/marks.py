"""Marks of all symbols, conversion of currencies, and the value of a quantity in an account's currency."""

from collections.abc import Callable, Iterable
from fractions import Fraction

from schemas.records.bounds import as_price
from schemas.records.numbers import PRICE_MAX, PRICE_SCALE, divide_half_even
from schemas.records.output import RecordRefused
from streams.core.reference.declarations import ConversionConfig
from streams.core.reference.instruments import Instrument, multiplied

Quote = tuple[int | None, int | None]
"""Bid and ask, 1e-9."""
GAP_MAX = 10**600
"""Largest number of a split gap. A hundred of the largest splits may be on their way at once."""


def converted(amount: int, rate: int | None) -> int:
    """Returns an amount (1e-18) at a rate (1e-9), rounded half even; unchanged without a rate."""
    return amount if rate is None else divide_half_even(amount * rate, PRICE_SCALE)


class Conversions:
    """The symbols that convert currencies at the middle of their quotes, each in both directions."""

    def __init__(self, declared: Iterable[ConversionConfig]) -> None:
        self._symbols = {(item.base, item.quote): item.symbol for item in declared}

    def knows(self, currency: str, into: str) -> bool:
        """Returns whether a symbol is declared for a pair of currencies."""
        return (currency, into) in self._symbols or (into, currency) in self._symbols

    def symbol_of(self, currency: str, into: str) -> str:
        """Returns the symbol that converts one currency into another."""
        found = self._symbols.get((currency, into))
        return self._symbols[into, currency] if found is None else found

    def rate(self, currency: str, into: str, mark_price: Callable[[str], int | None]) -> int | None:
        """Returns the price of one unit of a currency in another, half even, 1e-9 to PRICE_MAX; None before a quote."""
        symbol = self._symbols.get((currency, into))
        if symbol is not None:
            return mark_price(symbol)
        price = mark_price(self._symbols[into, currency])
        return None if price is None else min(max(divide_half_even(PRICE_SCALE * PRICE_SCALE, price), 1), PRICE_MAX)


class Marks:
    """The last quote of each symbol.

    quotes: by symbol. quoted_ns: the time of each, UTC nanoseconds. split_gaps: by symbol the shares after and before a
    split that only the marks or only the positions have taken in yet.
    """

    def __init__(self) -> None:
        self.quotes: dict[str, Quote] = {}
        self.quoted_ns: dict[str, int] = {}
        self.split_gaps: dict[str, tuple[int, int]] = {}
        self.instruments: dict[str, Instrument] = {}
        self._conversions = Conversions(())

    def configure(self, instruments: dict[str, Instrument], conversions: Iterable[ConversionConfig]) -> None:
        """Takes the instruments and the symbols that convert currencies."""
        self.instruments = instruments
        self._conversions = Conversions(conversions)

    def price(self, symbol: str) -> int | None:
        """Returns the middle of the last quote, half even to 1e-9, or its only side; None before any quote."""
        bid, ask = self.quotes.get(symbol, (None, None))
        if bid is None or ask is None:
            return bid if ask is None else ask
        doubled = bid + ask
        return divide_half_even(doubled, 2) if doubled & 1 else doubled >> 1

    def converts(self, currency: str, into: str) -> bool | None:
        """Returns whether a currency can be valued in another; None if its rate is not quoted yet."""
        if currency == into:
            return True
        if not self._conversions.knows(currency, into):
            return False
        return True if self._conversions.rate(currency, into, self.price) else None

    def rate_between(self, currency: str, into: str) -> int | None:
        """Returns the price of one unit of a currency in another, 1e-9; None if it is not declared or not quoted."""
        if currency == into:
            return PRICE_SCALE
        if not self._conversions.knows(currency, into):
            return None
        return self._conversions.rate(currency, into, self.price)

    def rate_of(self, symbol: str, currency: str) -> tuple[str, int | None]:
        """Returns a symbol's currency and its price in another, 1e-9; None if both are the same."""
        instrument = self.instruments.get(symbol)
        if instrument is None or instrument.currency == currency:
            return currency, None
        rate = self._conversions.rate(instrument.currency, currency, self.price)
        assert rate is not None, "an order in another currency was approved with a rate"
        return instrument.currency, rate

    def symbols_behind(self, symbol: str, currency: str) -> tuple[str, ...]:
        """Returns the symbols whose marks value a position: its own, and the one that converts its currency."""
        instrument = self.instruments.get(symbol)
        if instrument is None or instrument.currency == currency:
            return (symbol,)
        return symbol, self._conversions.symbol_of(instrument.currency, currency)

    def value(
        self, symbol: str, quantity: int, price: int, currency: str, split_gap: tuple[int, int] | None = None
    ) -> int:
        """Returns the signed value of a quantity at a price, 1e-18 of a currency. split_gap: None for the present."""
        _, rate = self.rate_of(symbol, currency)
        gap = split_gap or self.split_gaps.get(symbol)
        value = quantity * price if gap is None else divide_half_even(quantity * price * gap[0], gap[1])
        return converted(multiplied(value, self.multiplier_of(symbol)), rate)

    def multiplier_of(self, symbol: str) -> int:
        """Returns the units of the underlying in a contract, 1e-9; 1 for an instrument that is no longer known."""
        instrument = self.instruments.get(symbol)
        return PRICE_SCALE if instrument is None else instrument.contract_multiplier

    def split(self, symbol: str, to: int, of: int) -> None:
        """Restates the quote of a symbol of which `of` shares have become `to`. Raises RecordRefused like widen_gap."""
        self.widen_gap(symbol, to, of)
        bid, ask = self.quotes.get(symbol, (None, None))
        if bid is not None or ask is not None:
            self.quotes[symbol] = (_split_price(bid, to, of), _split_price(ask, to, of))

    def widen_gap(self, symbol: str, to: int, of: int) -> None:
        """Notes that one more split has reached the marks (to/of), or the positions (of/to).

        Raises RecordRefused if one of the two topics is too many splits ahead of the other: a venue writes to both.
        """
        known_to, known_of = self.split_gaps.get(symbol, (1, 1))
        gap = Fraction(known_to * to, known_of * of)
        if max(gap.numerator, gap.denominator) > GAP_MAX:
            text = f"split of {symbol}: marks and executions differ by too many splits; only a venue may write them"
            raise RecordRefused("SPLITS_OUT_OF_STEP", text)
        self.split_gaps.pop(symbol, None)
        if gap != 1:
            self.split_gaps[symbol] = (gap.numerator, gap.denominator)


def _split_price(price: int | None, to: int, of: int) -> int | None:
    return None if price is None else max(as_price(divide_half_even(price * of, to)), 1)
