"""The values of positions at the middle of the last quotes, as the account shards value them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.records.enums import MarkKind
from schemas.records.messages import Mark, PositionReport
from streams.core.core_config import CoreConfig
from streams.core.ledger.marks import Marks, Quote
from streams.core.reference.instruments import Instrument


class PositionValue(NamedTuple):
    """The value of a position; None where no quote is known yet.

    mark_px: 1e-9 of the instrument's currency. market_value, negative if short, and unrealised: 1e-18 of the account's.
    """

    mark_px: int | None
    market_value: int | None
    unrealised: int | None


class PositionValues:
    """Values positions at the quotes that it has been told, with contract multipliers and rates of exchange."""

    def __init__(self, config: CoreConfig, quotes: Mapping[str, Quote] | None = None) -> None:
        """quotes: those that are known already, by symbol."""
        self._marks = Marks()
        self._marks.quotes.update(quotes or {})
        self._marks.configure(
            {item.symbol: Instrument.from_config(item) for item in config.instruments}, config.conversions
        )

    def take(self, mark: Mark) -> None:
        """Takes the newest mark of a symbol. A split ends the quotes before it."""
        if mark.kind is MarkKind.QUOTE:
            self._marks.quotes[mark.symbol] = (mark.bid_px, mark.ask_px)
        elif mark.kind is MarkKind.SPLIT:
            self._marks.quotes.pop(mark.symbol, None)

    def of(self, position: PositionReport) -> PositionValue:
        """Returns the value of a position."""
        price = self._marks.price(position.symbol)
        instrument = self._marks.instruments.get(position.symbol)
        currency = position.currency if instrument is None else instrument.currency
        if price is None or self._marks.rate_between(currency, position.currency) is None:
            return PositionValue(price, None, None)
        value = self._marks.value(position.symbol, position.quantity, price, position.currency)
        return PositionValue(price, value, value - position.cost)
