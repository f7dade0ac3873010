"""Recordings of an exchange: its WebSocket frames and a REST snapshot of the book, recorded or generated."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

SPOT_FILE = "raw/binance_spot_ethusdt_20240808.frames.gz"
USDM_FILE = "raw/binance_usdm_btcusdt_20240808.frames.gz"
START_NS = 1_723_161_254_000_000_000


class Frame(NamedTuple):
    """A frame of a stream, for example ethusdt@trade, as the exchange sent it. at_ns: when it was recorded."""

    at_ns: int
    stream: str
    text: str

    @property
    def is_depth(self) -> bool:
        return "@depth" in self.stream


@dataclass(frozen=True)
class Recording:
    """Frames of one market of Binance. snapshot_before: the frame before which the REST snapshot was taken."""

    kind: str
    symbol: str
    market_id: str
    frames: tuple[Frame, ...]
    snapshot: str
    snapshot_before: int

    def part(self, frames: int) -> Recording:
        """Returns the recording up to a number of frames."""
        assert frames > self.snapshot_before
        return replace(self, frames=self.frames[:frames])


def spot(folder: Path) -> Recording:
    """Returns the recorded spot market ETH/USDT."""
    return _read(folder / SPOT_FILE, "spot", "ETH/USDT", "ETHUSDT")


def usdm(folder: Path) -> Recording:
    """Returns the recorded perpetual BTC/USDT:USDT."""
    return _read(folder / USDM_FILE, "usdm", "BTC/USDT:USDT", "BTCUSDT")


def _read(path: Path, kind: str, symbol: str, market_id: str) -> Recording:
    """Returns a recording of lines `receipt in ns, space, JSON`; a frame of a stream is wrapped in stream and data."""
    frames: list[Frame] = []
    snapshot, before = "", 0
    with gzip.open(path, "rt") as lines:
        for line in lines:
            at_ns, _, text = line.rstrip("\n").partition(" ")
            if not text.startswith('{"stream":"'):
                snapshot, before = text, len(frames)
                continue
            stream, _, data = text.removeprefix('{"stream":"').partition('","data":')
            frames.append(Frame(int(at_ns), stream, data.removesuffix("}")))
    assert snapshot, f"{path} holds no REST snapshot"
    return Recording(kind, symbol, market_id, tuple(frames), snapshot, before)


def generated(
    kind: str, seed: int, depth_frames: int = 120, steps: tuple[int, ...] = (-2, -1, 0, 0, 1, 2)
) -> Recording:
    """Returns a market of the same form, drawn with a seed: a book of 40 levels a side that walks, and its trades.

    steps: the moves of the price in ticks, of which each is as likely.
    """
    symbol, market_id = ("ETH/USDT", "ETHUSDT") if kind == "spot" else ("BTC/USDT:USDT", "BTCUSDT")
    return _Generator(kind, symbol, market_id, random.Random(seed), steps).run(depth_frames)


@dataclass
class _Generator:
    """Draws a market tick by tick. Prices are whole ticks of 0.01, sizes thousandths."""

    kind: str
    symbol: str
    market_id: str
    draws: random.Random
    steps: tuple[int, ...]

    def run(self, depth_frames: int) -> Recording:
        self.at_ns, self.update, self.trade, self.last = START_NS, 1_000, 1, 1_000
        self.middle = 250_000
        self.bids = {self.middle - level: self._size() for level in range(1, 41)}
        self.asks = {self.middle + level: self._size() for level in range(1, 41)}
        self.frames: list[Frame] = []
        snapshot = json.dumps(
            {
                "lastUpdateId": self.update,
                "bids": [_level(price, self.bids[price]) for price in sorted(self.bids, reverse=True)],
                "asks": [_level(price, self.asks[price]) for price in sorted(self.asks)],
            }
        )
        for _ in range(depth_frames):
            self._step()
        return Recording(self.kind, self.symbol, self.market_id, tuple(self.frames), snapshot, 0)

    def _size(self) -> int:
        return self.draws.randrange(1, 9_000)

    def _step(self) -> None:
        """Moves the book, and tells it on all streams: changed levels, best prices, sometimes a trade."""
        old = (dict(self.bids), dict(self.asks))
        self.middle += self.draws.choice(self.steps)
        for side, sign in ((self.bids, -1), (self.asks, 1)):
            wanted = {self.middle + sign * level for level in range(1, 41)}
            for price in [price for price in side if price not in wanted]:
                del side[price]
            for price in sorted(wanted):
                if price not in side or self.draws.random() < 0.1:
                    side[price] = self._size()
        changes = [_changes(before, now) for before, now in zip(old, (self.bids, self.asks), strict=True)]
        self._quote()
        if self.draws.random() < 0.6:
            self._print()
        self._depth(*changes)

    def _send(self, stream: str, message: dict[str, object]) -> None:
        self.at_ns += self.draws.randrange(1_000_000, 30_000_000)
        self.frames.append(Frame(self.at_ns, f"{self.market_id.lower()}@{stream}", json.dumps(message)))

    def _times(self, event: str) -> dict[str, object]:
        millis = self.at_ns // 1_000_000
        return {"e": event, "E": millis, "T": millis} if self.kind == "usdm" else {"e": event, "E": millis}

    def _quote(self) -> None:
        self.update += 1
        bid, ask = max(self.bids), min(self.asks)
        (b, bid_size), (a, ask_size) = _level(bid, self.bids[bid]), _level(ask, self.asks[ask])
        times = self._times("bookTicker") if self.kind == "usdm" else {}
        told = {"u": self.update, "s": self.market_id, "b": b, "B": bid_size, "a": a, "A": ask_size}
        self._send("bookTicker", {**times, **told})

    def _print(self) -> None:
        sells = self.draws.random() < 0.5
        price, size = _level(max(self.bids) if sells else min(self.asks), self._size())
        told = {"s": self.market_id, "t": self.trade, "p": price, "q": size, "m": sells}
        self.trade += 1
        self._send("trade", {**self._times("trade"), **told, "T": self.at_ns // 1_000_000})

    def _depth(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        first, self.update = self.last + 1, self.update + 1
        told = {"s": self.market_id, "U": first, "u": self.update}
        chain = {"pu": self.last} if self.kind == "usdm" else {}
        self.last = self.update
        stream = "depth@0ms" if self.kind == "usdm" else "depth@100ms"
        self._send(stream, {**self._times("depthUpdate"), **told, **chain, "b": bids, "a": asks})


def _level(price: int, size: int) -> list[str]:
    return [f"{Decimal(price) / 100:.2f}", f"{Decimal(size) / 1_000:.3f}"]


def _changes(before: dict[int, int], now: dict[int, int]) -> list[list[str]]:
    """Returns the levels that differ, with size 0 for one that is gone."""
    prices = sorted(before.keys() | now.keys())
    return [_level(price, now.get(price, 0)) for price in prices if before.get(price) != now.get(price)]
