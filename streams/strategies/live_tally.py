"""The tally of a live run: orders, fills and profit since its start."""

from collections.abc import Mapping
from decimal import Decimal

from schemas.records.enums import Side
from schemas.records.messages import OrderResult
from schemas.records.numbers import money_to_decimal
from streams.core.reference.instruments import Instrument, multiplied
from streams.strategies.strategy import Tick


class LiveTally:
    """A tally of one account. Amounts are in its instruments' currency.

    Attributes:
        fills: number of fills.
        now_ns: market time of the newest update or result, UTC nanoseconds.
    """

    def __init__(self, instruments: Mapping[str, Instrument], positions: Mapping[str, int]) -> None:
        """positions: 1e-9 units by symbol, at the start of the run."""
        self.fills = 0
        self.now_ns = 0
        self._instruments = instruments
        self._positions = {symbol: positions.get(symbol, 0) for symbol in instruments}
        self._doubled_mids: dict[str, int] = {}
        self._flow = 0
        """Cash that came in less what went out, 1e-18; a position of the start went out at the first mid price."""

    def mark(self, symbol: str, tick: Tick) -> None:
        """Takes a quote."""
        self.now_ns = max(self.now_ns, tick.ts)
        doubled_mid = tick.bid_px + tick.ask_px
        if symbol not in self._doubled_mids:
            self._flow -= self._worth(symbol, self._positions[symbol] * doubled_mid // 2)
        self._doubled_mids[symbol] = doubled_mid

    def add(self, result: OrderResult) -> None:
        """Takes a result of the account."""
        self.now_ns = max(self.now_ns, result.ts)
        if result.poss_resend or result.last_qty is None or result.last_px is None:
            return
        self.fills += 1
        if result.symbol in self._instruments:
            quantity = result.last_qty if result.side is Side.BUY else -result.last_qty
            self._flow -= self._worth(result.symbol, quantity * result.last_px) + (result.commission or 0)
            self._positions[result.symbol] += quantity

    @property
    def profit(self) -> Decimal | None:
        """Profit since the start at the newest mid prices, after commissions; None while a needed quote is missing."""
        value = self._flow
        for symbol, quantity in self._positions.items():
            if quantity:
                if symbol not in self._doubled_mids:
                    return None
                value += self._worth(symbol, quantity * self._doubled_mids[symbol] // 2)
        return money_to_decimal(value)

    def _worth(self, symbol: str, amount: int) -> int:
        return multiplied(amount, self._instruments[symbol].contract_multiplier)
