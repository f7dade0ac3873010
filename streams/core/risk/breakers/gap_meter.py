"""The meter of gaps in market data."""

from typing import Any

from schemas.records.numbers import NANOS_PER_MS
from streams.core.risk.breakers.breaker_config import MarketDataGap
from streams.core.risk.breakers.meter import Breach, Meter, span_text


class GapMeter(Meter):
    """A meter without memory: it judges how long ago the last quote came."""

    def __init__(self, config: MarketDataGap) -> None:
        self._config = config
        self.gap_ns = config.gap_ms * NANOS_PER_MS

    @property
    def of_any_symbol(self) -> bool:
        """A quote of any symbol ends the gap."""
        return self._config.symbols == "any"

    def on_time(self, gap_ns: int, symbol: str) -> Breach | None:
        """Judges the market time since the last quote of a symbol. An empty symbol: of any symbol."""
        if gap_ns < self.gap_ns:
            return None
        observed, limit = span_text(gap_ns // NANOS_PER_MS), span_text(self._config.gap_ms)
        return Breach(observed, limit, "market time", f"no quote of {symbol or 'any symbol'} for {observed}")

    def reset(self) -> None:
        """See Meter."""

    def to_state(self) -> Any:
        """See Meter."""
        return None

    def load(self, state: Any) -> None:
        """See Meter."""
