"""The health of a live feed, as it says it itself each second."""

from typing import NamedTuple


class FeedHealth(NamedTuple):
    """The health of a live feed at one moment; counts are since its start.

    Attributes:
        source: VENUE:ADAPTER, as the source field of market.data names it behind live:.
        symbols: symbols that it feeds.
        connected: the source is connected.
        updates_per_s: updates of the last second.
        age_s: seconds since the last update; since the start if there was none.
        gaps: halts of symbols that the feed or its source has marked.
        reconnects: connections that were made again.
        skew_ms: this computer's clock against the exchange's, the least difference of receipt and exchange time; None
            if the exchange tells no times.
        halted: symbols that are halted now.
        updates: updates written.
        conflated: quotes that were replaced by newer ones because Kafka was slow.
        missed: updates that were lost because the queue was full; each time all symbols were halted.
        refused: updates that no market can have, or of other symbols.
        steps_back: exchange times before the symbol's last time; far: exchange times too far from this computer's.
        unstamped: updates without an exchange time.
        at: when this was so, seconds since the epoch.
    """

    source: str
    symbols: tuple[str, ...]
    connected: bool
    updates_per_s: float
    age_s: float
    gaps: int
    reconnects: int
    skew_ms: float | None
    halted: tuple[str, ...]
    updates: int
    conflated: int
    missed: int
    refused: int
    steps_back: int
    far: int
    unstamped: int
    at: float

    @property
    def line(self) -> str:
        """The health in one line, for people."""
        skew = "unknown" if self.skew_ms is None else f"{self.skew_ms:+,.0f} ms"
        halted = f", halted: {', '.join(self.halted)}" if self.halted else ""
        lost = "".join(
            f", {count:,} {what}"
            for count, what in ((self.conflated, "conflated"), (self.missed, "missed"), (self.refused, "refused"))
            if count
        )
        state = "connected" if self.connected else "NOT CONNECTED"
        return (
            f"{self.source} {state}, {self.updates_per_s:,.0f} updates/s, age {self.age_s:.1f} s, {self.gaps} gaps, "
            f"{self.reconnects} reconnects, clock skew {skew}{lost}{halted}"
        )
