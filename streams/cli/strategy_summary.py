"""The last lines of `paper strategy run`: what was sent and answered, and what came too late."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.strategies.live_runner import StrategyRunner


def print_summary(runner: StrategyRunner, has_market_time: bool) -> None:
    """Prints the counts of a run. has_market_time: requests and results have the market's time, not Kafka's.

    With market time it says how far the market ran ahead of answers and results, by which a replay would differ.
    """
    from schemas.records.numbers import NANOS_PER_MS, NANOS_PER_S
    from streams.cli.output import WAITING_MARKET

    counts = f"{runner.requests} requests sent, {runner.results} results, {len(runner.unanswered)} unanswered"
    if not has_market_time:
        print(counts)
        return
    slowest_ns = max((each.slowest_ns for each in runner.participants.values()), default=0)
    late = sum(each.late for each in runner.participants.values())
    print(f"{counts}; results came up to {slowest_ns / NANOS_PER_MS:,.0f} ms of market time late")
    if late:
        print(
            f"warning: the strategy learned {late} results later than --result-latency-ms says, so its replay may send "
            f"other orders; choose a latency above {slowest_ns / NANOS_PER_MS:,.0f} ms",
            file=sys.stderr,
        )
    if runner.late:
        print(
            f"warning: {runner.late} requests were answered late, by up to {runner.latest_ns / NANOS_PER_S:,.1f} s of "
            f"market time: the market ran ahead of the strategy; {WAITING_MARKET}",
            file=sys.stderr,
        )
