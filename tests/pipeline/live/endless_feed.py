"""A live feed as a process, of a source that quotes a symbol every 10 ms until it is stopped.

The bid sizes of its quotes are times, so no two are equal, not even of two processes.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import typer

from infra.settings import get_settings
from streams.cli.feed_live import run_live
from streams.pipeline.live.source import LiveUpdate
from tests.pipeline.live.scripted_source import ScriptedSource, quote

PAUSE_S = 0.01
SPREAD = Decimal("0.02")
HIGHEST = Decimal("50.00")
STEPS = 25
QUOTES_OF_STEP = 100
"""Quotes at one price, a second of them: an order in it arrives before the next step."""


class EndlessSource(ScriptedSource):
    """Quotes the first symbol: bids that rise by cents to the highest, and fall again."""

    async def updates(self) -> AsyncIterator[LiveUpdate]:
        for number in itertools.count():
            at = time.time_ns()
            step = number // QUOTES_OF_STEP % (2 * STEPS)
            bid = HIGHEST - Decimal(abs(step - STEPS)) / 100
            size = Decimal(at % 10**15) / 10**6
            found = quote(bid, bid + SPREAD, symbol=self.symbols[0], exchange_ns=at, received_ns=at)
            yield found._replace(bid_size=size)
            await asyncio.sleep(PAUSE_S)


def feed(symbol: str, record: Path | None = None, as_json: bool = typer.Option(False, "--json")) -> None:
    """Feeds a symbol."""
    run_live(get_settings(), EndlessSource(), (symbol,), record, as_json)


if __name__ == "__main__":
    typer.run(feed)
