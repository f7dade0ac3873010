"""`paper replay`: reading the record of the pipeline again."""

from __future__ import annotations

import json
import sys
import time

import typer


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Read the record of the pipeline again.", no_args_is_help=True)
    group.command()(verify)
    app.add_typer(group, name="replay")


def verify(
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    record: bool = typer.Option(False, help="Record the outcome on test.results, for the gate."),
) -> None:
    """Runs the core over the journals and compares its outputs with the topics, byte for byte.

    Exit code 1 if a record differs.
    """
    from infra.core_config import core_config
    from infra.settings import get_settings
    from schemas.codec import Codec
    from schemas.registry import Registry
    from streams.journal.kafka_log import KafkaLogReader
    from streams.replay.verify import verify as run

    settings = get_settings()
    result = run(core_config(settings), KafkaLogReader(settings), Codec(Registry(settings)), _say)
    if record:
        from streams.gate.desk import GateDesk, head_commit
        from streams.gate.proofs import replay_results

        results = replay_results(result, settings.run_id, head_commit(), time.time_ns())
        GateDesk(settings).record_tests(results)
    if as_json:
        document = {
            "passed": result.passed,
            "transactions": result.transactions,
            "checked": result.checked,
            "differences": result.differences,
        }
        print(json.dumps(document, indent=2))
    else:
        for topic, count in sorted(result.checked.items()):
            print(f"{topic:<20} {count:>10} records equal")
        for sentence in result.differences:
            print(f"differs: {sentence}")
        print(f"{result.transactions} transactions replayed: {'all equal' if result.passed else 'NOT equal'}")
    if not result.passed:
        raise typer.Exit(1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
