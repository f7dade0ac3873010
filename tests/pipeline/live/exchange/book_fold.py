"""A second way to make a book of Binance's frames: a plain dictionary of decimals. It knows nothing of ccxt."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from tests.pipeline.live.exchange.recordings import Recording

Side = tuple[tuple[Decimal, Decimal], ...]
DEPTH = 20


class BookFold:
    """A book: the snapshot, and then each depth frame after it in its order."""

    def __init__(self, snapshot: str) -> None:
        told = json.loads(snapshot)
        self.update: int = told["lastUpdateId"]
        self.bids = {Decimal(price): Decimal(size) for price, size in told["bids"]}
        self.asks = {Decimal(price): Decimal(size) for price, size in told["asks"]}

    def take(self, frame: dict[str, Any]) -> bool:
        """Takes a depth frame; returns whether it was newer than the book."""
        if frame["u"] <= self.update:
            return False
        for side, levels in ((self.bids, frame["b"]), (self.asks, frame["a"])):
            for price, size in levels:
                side[Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del side[Decimal(price)]
        self.update = frame["u"]
        return True

    def top(self) -> tuple[Side, Side]:
        """Returns the best levels of both sides, best first."""
        return (
            tuple((price, self.bids[price]) for price in sorted(self.bids, reverse=True)[:DEPTH]),
            tuple((price, self.asks[price]) for price in sorted(self.asks)[:DEPTH]),
        )

    def snapshot(self) -> str:
        """Returns the book as the REST interface tells it."""
        bids = [[str(price), str(self.bids[price])] for price in sorted(self.bids, reverse=True)]
        asks = [[str(price), str(self.asks[price])] for price in sorted(self.asks)]
        return json.dumps({"lastUpdateId": self.update, "bids": bids, "asks": asks})


def tops(recording: Recording) -> list[tuple[int, Side, Side]]:
    """Returns exchange time in nanoseconds and best levels after each depth frame that changes the book."""
    book = BookFold(recording.snapshot)
    frames = (json.loads(frame.text) for frame in recording.frames if frame.is_depth)
    return [(frame["E"] * 1_000_000, *book.top()) for frame in frames if book.take(frame)]
