"""The command `python -m tests.fuzz`: throws good and bad records at the pipeline, and says which promise broke."""

from __future__ import annotations

import argparse
import json
import os
import sys

from tests.fuzz.campaign import LIFE_RECORDS, CampaignResult, run_campaign
from tests.fuzz.life import TOPICS
from tests.fuzz.live import GARBAGE_RATE, run_live


def main() -> int:
    """Runs the command; returns 1 if a promise broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "where", nargs="?", choices=("memory", "live"), default="memory", help="live: on a stack of its own"
    )
    parser.add_argument("--seed", type=int, default=1, help="chooses everything that is sent")
    parser.add_argument("--records", type=int, default=200_000, help="number of records to make")
    parser.add_argument("--json", action="store_true", help="prints the result as JSON")
    memory = parser.add_argument_group("in memory")
    memory.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="the result does not depend on it")
    memory.add_argument("--life", type=int, help=f"runs this life alone: {LIFE_RECORDS:,} records on one pipeline")
    memory.add_argument("--topics", default=",".join(TOPICS), help="topics of the bad records")
    live = parser.add_argument_group("live")
    live.add_argument("--mode", choices=("plaintext", "scram"), default="plaintext", help="KAFKA_SECURITY of the stack")
    live.add_argument("--rate", type=float, default=200.0, help="good orders per second")
    live.add_argument("--garbage-rate", type=float, default=GARBAGE_RATE, help="bad records per second, at most")
    options = parser.parse_args()
    return _live(options) if options.where == "live" else _memory(options)


def _memory(options: argparse.Namespace) -> int:
    topics = tuple(options.topics.split(","))
    records, processes, first = options.records, options.processes, 0
    if options.life is not None:
        records, processes, first = LIFE_RECORDS, 1, options.life
    result = run_campaign(options.seed, records, processes, topics, first, progress=True)
    print(as_json(result) if options.json else as_text(result))
    return 1 if result.findings else 0


def _live(options: argparse.Namespace) -> int:
    result = run_live(options.mode, options.records, options.rate, options.seed, options.garbage_rate)
    waits = result.waits
    if options.json:
        print(json.dumps(result._asdict() | {"waits": waits._asdict(), "broken": result.broken}))
    else:
        print(
            f"{result.mode}: {result.accepted:,} garbage records taken by Kafka, {result.denied:,} denied; "
            f"{waits.orders:,} orders, {waits.lost} without a result, median wait {1000 * waits.median_s:.0f} ms, "
            f"longest {1000 * waits.longest_s:.0f} ms"
        )
        print("\n".join(result.broken) or "no promise broke")
    return 1 if result.broken else 0


def as_text(result: CampaignResult) -> str:
    """Returns the result for a reader."""
    lines = [f"{finding}\nseen {count} times\n" for finding, count in result.findings.values()]
    lines.append(
        f"seed {result.seed}: {result.records:,} records in {result.lives:,} lives, {result.taken:,} taken by shards, "
        f"{result.refused:,} dead letters, {result.rate:,.0f} records/s; "
        f"{result.failed_lives} lives failed with {len(result.findings)} kinds of findings"
    )
    return "\n".join(lines)


def as_json(result: CampaignResult) -> str:
    """Returns the result for a program."""
    numbers = {name: value for name, value in vars(result).items() if name != "findings"}
    findings = [finding._asdict() | {"count": count} for finding, count in result.findings.values()]
    return json.dumps(numbers | {"rate": round(result.rate), "findings": findings})


if __name__ == "__main__":
    sys.exit(main())
