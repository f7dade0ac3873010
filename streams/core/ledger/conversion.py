"""Conversion of amounts between currencies, at the middle of a declared symbol's quote."""

from collections.abc import Callable, Iterable

from schemas.records.numbers import PRICE_SCALE, divide_half_even
from streams.core.reference.declarations import ConversionConfig


def converted(amount: int, rate: int | None) -> int:
    """Returns an amount (1e-18) at a rate (1e-9), rounded half even; unchanged without a rate."""
    return amount if rate is None else divide_half_even(amount * rate, PRICE_SCALE)


class Conversions:
    """The symbols that convert currencies, each in both directions."""

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
        """Returns the price of one unit of a currency in another, 1e-9, half even; None before any quote."""
        symbol = self._symbols.get((currency, into))
        if symbol is not None:
            return mark_price(symbol)
        price = mark_price(self._symbols[into, currency])
        return None if price is None else divide_half_even(PRICE_SCALE * PRICE_SCALE, price)
