"""`paper gate`: collects the evidence on a strategy and decides whether it may trade live."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.command_group import add_group
from streams.cli.options import AS_OF, JSON, JSON_LINES
from streams.cli.output import show

if TYPE_CHECKING:
    from schemas.records.gate_messages import GateDecision
    from streams.evidence.gate.gate_desk import GateDesk

STRATEGY = typer.Argument(..., help="Id of the strategy.")
REASON = typer.Option(..., help="Reason; it is kept in the record.")
HISTORY = ("ts", "kind", "level", "decision_id", "of_decision_id", "actor", "reason", "trials")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "gate",
        "Decides from recorded evidence whether a strategy may trade live; a person approves or revokes.",
        {
            "ingest": ingest,
            "trials": trials,
            "evaluate": evaluate,
            "show": show_decision,
            "history": history,
            "keys": keys,
            "approve": approve,
            "revoke": revoke,
            "watch": watch,
        },
    )


def ingest(
    files: list[Path] = typer.Argument(..., help="JUnit XML reports, such as .paper/junit.xml of `paper test`."),
    suite: str = typer.Option(None, help="Name of the test suite; default: the name in the file."),
    commit: str = typer.Option(
        None, help="Commit that was tested, if the file does not name it in its property commit."
    ),
) -> None:
    """Records test reports as evidence.

    If one report is refused, none is recorded. A report that was recorded before changes nothing. The suites reconcile
    and replay-verify are proofs: no file can bring them.
    """
    from streams.evidence.gate.junit_report import read_junit

    results = [item for file in files for item in read_junit(file, time.time_ns(), suite, commit)]
    _desk().record_tests(results)
    print(f"{len(results)} cases of {', '.join(sorted({item.suite for item in results}))} recorded")


def trials(
    strategy: str = STRATEGY,
    number: int = typer.Argument(..., min=1, help="Number of strategies tried so far, including this one."),
    variance: float = typer.Option(
        None, min=0, help="Variance of the daily Sharpe ratios of all tried strategies; default: of those on record."
    ),
    reason: str = REASON,
) -> None:
    """Declares trials that the records don't show, such as sweeps by other tools.

    The gate counts what is on record, by the strategy's code; a declaration only adds trials and raises their variance.
    It lowers the Sharpe ratio by them (deflated Sharpe ratio): the best of many trials is partly luck.
    """
    record = _desk().declare_trials(strategy, number, variance, reason)
    print(f"strategy {strategy}: {record.trials} trials declared by {record.actor}")


def evaluate(
    strategy: str = STRATEGY,
    level: str = typer.Option(None, help="Highest level to decide on, LIMITED_LIVE or FULL_LIVE; default: FULL_LIVE."),
    commit: str = typer.Option(
        None, help="Commit that the recorded tests must belong to; default: the commit of this checkout."
    ),
    account: str = typer.Option(
        "", help="Account that the decision holds for; default: that of the strategy's newest session."
    ),
    code: str = typer.Option(
        "", help="The strategy's code as `paper strategy run` takes it; default: the name of the strategy."
    ),
    as_of: str = AS_OF,
    as_json: bool = JSON,
) -> None:
    """Decides the level of a strategy from the records, and explains each criterion.

    A decision holds for the account, code and parameters of that session in this run (RUN_ID), and for no other.
    Exit code 1 if the strategy does not reach --level; without --level, if it may not trade live at all. Exit code 2 if
    no session of the strategy is known: then nothing is recorded.
    """
    from schemas.records.enums import TradingLevel
    from streams.cli.output import say
    from streams.errors import InputError
    from streams.evidence.gate.gate_desk import head_commit

    if level not in (None, "LIMITED_LIVE", "FULL_LIVE"):
        raise typer.BadParameter(f"--level {level}: must be LIMITED_LIVE or FULL_LIVE")
    most = TradingLevel(level or "FULL_LIVE")
    try:
        record, _ = _desk().evaluate(strategy, most, commit or head_commit(), as_of, account, code, say)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    _print(record, as_json)
    reached = record.level is most if level else record.level is not TradingLevel.PAPER_ONLY
    raise typer.Exit(0 if reached else 1)


def show_decision(strategy: str = STRATEGY, as_json: bool = JSON) -> None:
    """Shows the newest decision on a strategy: each criterion, and its approval or revocation.

    Exit code 1 if there is no decision.
    """
    from schemas.records.enums import GateDecisionKind

    desk = _desk()
    newest = desk.newest(strategy)
    if newest is None:
        typer.echo(
            f"strategy {strategy} has no decision and is PAPER_ONLY; `paper gate evaluate {strategy}` makes one",
            err=True,
        )
        raise typer.Exit(1)
    _print(newest, as_json)
    if as_json:
        return
    for kind in (GateDecisionKind.APPROVED, GateDecisionKind.REVOKED):
        record = desk.first_about(newest, kind)
        if record is not None:
            show(f"{kind} by {record.actor}: {record.reason}")


def history(strategy: str = STRATEGY, as_json: bool = JSON_LINES) -> None:
    """Lists all trials, decisions, approvals and revocations of a strategy, oldest first."""
    from streams.cli.output import print_rows

    print_rows([item._asdict() for item in _desk().records(strategy)], HISTORY, as_json)


def keys(
    approver: str = typer.Option(None, help="Make and list the key of this approver instead of the gate's."),
    public: str = typer.Option(
        None, help="List this public key of the approver, who has made it on another computer; make none."
    ),
) -> None:
    """Creates the gate's key, or an approver's, unless there is one; lists its public half and prints it.

    Private halves are files of PAPER_HOME that only their owner may read. Give the gate's key and an approver's to two
    people. Workers read the list (setting GATE_KEYS_FILE) when they start.
    """
    from infra.settings import get_settings
    from streams.evidence.gate.keys import list_approver, make_approver_key, make_gate_key

    if public and not approver:
        raise typer.BadParameter("--public needs --approver, the name of its owner")
    settings = get_settings()
    if not approver:
        found = make_gate_key(settings)
    elif public:
        list_approver(settings, approver, found := public)
    else:
        found = make_approver_key(settings, approver)
    print(f"{f'approver {approver}' if approver else 'gate'} {found}")
    show(f"listed in {settings.gate_keys}; restart the workers, which read it when they start")


def approve(
    strategy: str = STRATEGY,
    decision: str = typer.Argument(..., help="Id of the newest decision, from `paper gate show`."),
    approver: str = typer.Option(..., help="Name of the approver, as listed by `paper gate keys --approver NAME`."),
    key: Path = typer.Option(None, help="File of the approver's private key; default: the one in PAPER_HOME."),
    reason: str = REASON,
) -> None:
    """Approves the newest decision on a strategy, by the approver's key.

    Live orders pass only with an approval by a person who is not the evaluator.
    """
    from streams.evidence.gate.keys import approver_key_file, read_signer

    desk = _desk()
    signer = read_signer(key or approver_key_file(desk.settings, approver))
    record = desk.approve(strategy, decision, reason, approver, signer)
    print(f"{record.level} of strategy {strategy} approved by {record.actor}")


def revoke(strategy: str = STRATEGY, reason: str = REASON) -> None:
    """Ends whatever authorises a strategy, whoever made it: its live orders are refused from now on."""
    record = _desk().revoke(strategy, reason)
    what = (
        f"decision {record.of_decision_id}" if record.of_decision_id else "whatever shards hold (the gate knows none)"
    )
    print(f"{what} on strategy {strategy} revoked by {record.actor}")


def watch(
    once: bool = typer.Option(False, help="Check once and exit."),
    every: float = typer.Option(30.0, min=1, help="Seconds between two checks."),
) -> None:
    """Revokes decisions as soon as they expire, a proof fails, a breaker opens, or results drift from the evidence."""
    from streams.evidence.gate.decision_watch import revoke_invalid

    desk = _desk()
    while True:
        for record in revoke_invalid(desk):
            show(f"strategy {record.strategy_id} revoked: {record.reason}")
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
        outcome = "ok" if item["passed"] else "FAILED"
        found = f"{item['criterion']} {item['value']} (required {item['threshold']}) {item['detail']}".rstrip()
        show(f"{outcome:<7} {item['level']:<13} {found} [{item['query']}, {item['window']}]")
    at = f", read at cut {record.cut}" if record.cut else ""
    show(f"strategy {record.strategy_id}: {record.level}, decision {record.decision_id}{at}")
