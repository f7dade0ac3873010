"""Amounts from one currency into another, at the middle of a declared symbol's quote."""

from collections.abc import Callable, Iterable

from schemas.records.numbers import PRICE_SCALE, divide_half_even
from streams.core.reference.declarations import ConversionConfig


def converted(amount: int, rate: int | None) -> int:
    """An amount (1e-18) at a rate (1e-9), rounded half even; as it is where there is no rate."""
    return amount if rate is None else divide_half_even(amount * rate, PRICE_SCALE)


class Conversions:
    """Which symbol converts which currency into which, in both directions."""

    def __init__(self, declared: Iterable[ConversionConfig]) -> None:
        self._symbols = {(item.base, item.quote): item.symbol for item in declared}

    def knows(self, currency: str, into: str) -> bool:
        """Whether a symbol is declared for it."""
        return (currency, into) in self._symbols or (into, currency) in self._symbols

    def symbol_of(self, currency: str, into: str) -> str:
        """The symbol that converts one currency into another."""
        found = self._symbols.get((currency, into))
        return self._symbols[into, currency] if found is None else found

    def rate(self, currency: str, into: str, mark_price: Callable[[str], int | None]) -> int | None:
        """Price of one unit of currency in another (1e-9), the inverse rounded half even; None before any quote."""
        symbol = self._symbols.get((currency, into))
        if symbol is not None:
            return mark_price(symbol)
        price = mark_price(self._symbols[into, currency])
        return None if price is None else divide_half_even(PRICE_SCALE * PRICE_SCALE, price)
