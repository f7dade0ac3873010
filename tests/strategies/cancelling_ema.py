"""The EMA cross of the examples, which cancels its orders when a live run ends."""

from __future__ import annotations

from examples.ema_cross import EmaCross


class CancellingEma(EmaCross):
    """An EMA cross that leaves nothing behind."""

    def on_stop(self) -> None:
        self.cancel_all()
