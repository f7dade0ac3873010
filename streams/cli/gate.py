"""`paper gate`: test reports, trials, decisions and approvals on the way to live trading."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from schemas.records.gate_messages import GateDecision
    from streams.evidence.gate.gate_desk import GateDesk

STRATEGY = typer.Argument(..., help="Strategy id.")
REASON = typer.Option(..., help="Why; kept in the record.")
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
HISTORY = ("ts", "kind", "level", "decision_id", "of_decision_id", "actor", "reason", "trials")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Live trading: evidence, decisions, approvals.", no_args_is_help=True)
    for act in (ingest, trials, evaluate, show, history, approve, revoke, watch):
        group.command()(act)
    app.add_typer(group, name="gate")


def ingest(
    files: list[Path] = typer.Argument(..., help="JUnit XML reports."),
    suite: str = typer.Option(None, help="Name of the suite, instead of what the file says."),
    commit: str = typer.Option(None, help="Commit under test, instead of the file's property commit."),
) -> None:
    """Records test reports. Nothing is written if one of them is refused; a report that came before changes nothing."""
    from streams.evidence.gate.junit_report import read_junit

    results = [item for file in files for item in read_junit(file, time.time_ns(), suite, commit)]
    _desk().record_tests(results)
    print(f"{len(results)} cases of {', '.join(sorted({item.suite for item in results}))} recorded")


def trials(
    strategy: str = STRATEGY,
    number: int = typer.Argument(..., min=1, help="Strategies tried so far, this one included."),
    variance: float = typer.Option(None, min=0, help="Variance of their Sharpe ratios a day; needed for more than 1."),
    reason: str = REASON,
) -> None:
    """Declares how many strategies were tried: the deflated Sharpe ratio needs it."""
    record = _desk().declare_trials(strategy, number, variance, reason)
    print(f"strategy {strategy}: {record.trials} trials declared by {record.actor}")


def evaluate(
    strategy: str = STRATEGY,
    level: str = typer.Option(None, help="LIMITED_LIVE or FULL_LIVE: the level asked for, and the highest decided."),
    commit: str = typer.Option(
        None, help="Commit that the tests must be of; that of this checkout where none is given."
    ),
    as_json: bool = AS_JSON,
) -> None:
    """Decides a strategy's level by the records. Exit code 1 if the level asked for, or any live one, isn't reached."""
    from schemas.records.enums import TradingLevel
    from streams.evidence.gate.gate_desk import head_commit

    if level not in (None, "LIMITED_LIVE", "FULL_LIVE"):
        raise typer.BadParameter(f"--level {level}: must be LIMITED_LIVE or FULL_LIVE")
    most = TradingLevel(level or "FULL_LIVE")
    record, _ = _desk().evaluate(strategy, most, commit or head_commit())
    _print(record, as_json)
    reached = record.level is most if level else record.level is not TradingLevel.PAPER_ONLY
    raise typer.Exit(0 if reached else 1)


def show(strategy: str = STRATEGY, as_json: bool = AS_JSON) -> None:
    """Shows the newest decision with its criteria, and what became of it. Exit code 1 if there is none."""
    from schemas.records.enums import GateDecisionKind

    desk = _desk()
    newest = desk.newest(strategy)
    if newest is None:
        typer.echo(f"the gate has decided nothing on strategy {strategy}: PAPER_ONLY", err=True)
        raise typer.Exit(1)
    _print(newest, as_json)
    if as_json:
        return
    for kind in (GateDecisionKind.APPROVED, GateDecisionKind.REVOKED):
        record = desk.first_about(newest, kind)
        if record is not None:
            print(f"{kind} by {record.actor}: {record.reason}")


def history(strategy: str = STRATEGY, as_json: bool = AS_JSON) -> None:
    """Lists every record of a strategy, oldest first."""
    from streams.cli.output import print_rows

    print_rows([item._asdict() for item in _desk().records(strategy)], HISTORY, as_json)


def approve(
    strategy: str = STRATEGY, decision: str = typer.Argument(..., help="Id of the decision."), reason: str = REASON
) -> None:
    """A person's approval of the newest decision: only then live orders pass."""
    record = _desk().approve(strategy, decision, reason)
    print(f"{record.level} of strategy {strategy} approved by {record.actor}")


def revoke(strategy: str = STRATEGY, reason: str = REASON) -> None:
    """Ends the newest decision: live orders are refused from here on."""
    record = _desk().revoke(strategy, reason)
    print(f"decision {record.of_decision_id} on strategy {strategy} revoked by {record.actor}")


def watch(
    once: bool = typer.Option(False, help="Look once."),
    every: float = typer.Option(30.0, min=1, help="Seconds between two looks."),
) -> None:
    """Revokes decisions that have expired, or that a failed check, an open breaker or drift speaks against."""
    from streams.evidence.gate.decision_watch import revoke_invalid

    desk = _desk()
    while True:
        for record in revoke_invalid(desk):
            print(f"strategy {record.strategy_id} revoked: {record.reason}", flush=True)
        if once:
            return
        time.sleep(every)


def _desk() -> GateDesk:
    from infra.settings import get_settings
    from streams.evidence.gate.gate_desk import GateDesk

    return GateDesk(get_settings())


def _print(record: GateDecision, as_json: bool) -> None:
    document: dict[str, Any] = record._asdict() | {"criteria": json.loads(record.criteria)}
    if as_json:
        print(json.dumps(document, indent=2))
        return
    for item in document["criteria"]:
        said = f"{item['criterion']} {item['value']} (asked {item['threshold']}) {item['detail']}".rstrip()
        print(
            f"{'ok' if item['passed'] else 'FAILED':<7} {item['level']:<13} {said} [{item['query']}, {item['window']}]"
        )
    print(f"strategy {record.strategy_id}: {record.level}, decision {record.decision_id}")
