"""The status of a live strategy: one line that is written again on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from streams.strategies.live_runner import StrategyRunner
    from streams.strategies.live_tally import LiveTally

TERMINAL_S, PLAIN_S = 0.25, 10.0
"""Seconds between two lines."""


class LiveStatus:
    """The status of a run. Call show() often; it writes when it is time, and a plain line only if it has changed."""

    def __init__(
        self,
        runner: StrategyRunner,
        tally: LiveTally,
        stream: TextIO = sys.stderr,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """clock: seconds."""
        self._runner, self._tally, self._stream, self._clock = runner, tally, stream, clock
        self._is_terminal = stream.isatty()
        self._pause_s = TERMINAL_S if self._is_terminal else PLAIN_S
        self._shown_s, self._shown_requests, self._shown = clock(), 0, ""

    def show(self) -> None:
        """Writes the status, if it is time."""
        seconds = self._clock() - self._shown_s
        if seconds >= self._pause_s:
            self._write(seconds)

    def end(self) -> None:
        """Writes the last status of a terminal and leaves the line."""
        if self._is_terminal:
            self._write(max(self._clock() - self._shown_s, 1e-9))
            print(file=self._stream)

    def _write(self, seconds: float) -> None:
        requests = self._runner.requests
        rate = (requests - self._shown_requests) / seconds
        text = status_text(self._tally, requests, rate)
        self._shown_s, self._shown_requests = self._clock(), requests
        if self._is_terminal:
            print(f"\r\x1b[K{text}", end="", file=self._stream, flush=True)
        elif text != self._shown:
            print(text, file=self._stream, flush=True)
        self._shown = text


def status_text(tally: LiveTally, requests: int, rate: float) -> str:
    """Returns a status that fits 80 columns. rate: requests a second."""
    from schemas.records.numbers import NANOS_PER_S

    profit = tally.profit
    moment = datetime.fromtimestamp(tally.now_ns // NANOS_PER_S, UTC)
    time = f"{moment:%Y-%m-%d %H:%M:%S}" if tally.now_ns else "no market yet"
    gain = "unknown" if profit is None else f"{profit:+,.2f}"
    return f"{time}  orders {requests:,}  fills {tally.fills:,}  PnL {gain}  {rate:.1f} orders/s"
