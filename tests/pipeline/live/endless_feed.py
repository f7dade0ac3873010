"""A live feed as a process, of a source that quotes a symbol every 10 ms until it is stopped.

The bid sizes of its quotes are times, so no two are equal, not even of two processes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

from infra.settings import get_settings
from streams.cli.feed_live import run_live
from streams.pipeline.live.source import LiveUpdate
from tests.pipeline.live.scripted_source import ScriptedSource, quote

PAUSE_S = 0.01
SPREAD = Decimal("0.02")
HIGHEST = Decimal("50.00")
STEPS = 25


class EndlessSource(ScriptedSource):
    """Quotes the first symbol: bids that fall from the highest by cents, and rise again."""

    async def updates(self) -> AsyncIterator[LiveUpdate]:
        for number in itertools.count():
            at = time.time_ns()
            bid = HIGHEST - Decimal(abs(number % (2 * STEPS) - STEPS)) / 100
            size = Decimal(at % 10**15) / 10**6
            found = quote(bid, bid + SPREAD, symbol=self.symbols[0], exchange_ns=at, received_ns=at)
            yield found._replace(bid_size=size)
            await asyncio.sleep(PAUSE_S)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("symbol")
    parser.add_argument("--record", type=Path)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    run_live(get_settings(), EndlessSource(), (chosen.symbol,), chosen.record, chosen.json)


if __name__ == "__main__":
    main()
