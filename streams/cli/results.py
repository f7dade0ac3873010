"""`paper results`, `paper positions`, `paper account`: what the topics say now."""

from __future__ import annotations

from typing import Any

import typer

ACCOUNT = typer.Option(None, help="Only this account.")
AS_JSON = typer.Option(False, "--json", help="Print one JSON object a line.")
POLL_S = 0.2
RESULT_COLUMNS = ("account_id", "order_id", "exec_type", "ord_status", "last_qty", "last_px", "cum_qty", "reason_code")
POSITION_COLUMNS = ("account_id", "symbol", "quantity", "avg_px", "realised_pnl", "commission", "currency")
EQUITY_COLUMNS = (
    "account_id",
    "session_id",
    "currency",
    "cash",
    "equity",
    "realised_pnl",
    "unrealised_pnl",
    "drawdown",
)


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    for command in (results, positions, account):
        app.command()(command)


def results(
    account_id: str = typer.Option(None, "--account", help="Only this account."),
    follow: bool = typer.Option(False, help="Go on with new results until Ctrl-C."),
    as_json: bool = AS_JSON,
) -> None:
    """Shows order results, oldest first within each account."""
    from streams.cli.output import print_rows, readable

    if follow:
        _follow(account_id)
        return
    rows = [readable(item) for item in _read("order.results") if account_id in (None, item.account_id)]
    print_rows(rows, RESULT_COLUMNS, as_json)


def _follow(account_id: str | None) -> None:
    import json

    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import readable
    from streams.pipeline.clients.follow import Follower

    settings = get_settings()
    with Follower(settings, Codec(Registry(settings)), ["order.results"]) as follower:
        while True:
            for followed in follower.poll(POLL_S):
                if account_id in (None, followed.message.account_id):
                    print(json.dumps(readable(followed.message)), flush=True)


def positions(
    account_id: str = typer.Option(None, "--account", help="Only this account."), as_json: bool = AS_JSON
) -> None:
    """Shows the newest position of each account and symbol."""
    from streams.cli.output import print_rows, readable

    newest = {(item.account_id, item.symbol): item for item in _read("positions")}
    rows = [readable(item) for key, item in sorted(newest.items()) if account_id in (None, key[0])]
    print_rows(rows, POSITION_COLUMNS, as_json)


def account(
    account_id: str = typer.Argument(None, help="Account id; without it all accounts."), as_json: bool = AS_JSON
) -> None:
    """Shows cash and equity of accounts as last written."""
    from streams.cli.output import print_rows, readable

    newest = {item.account_id: item for item in _read("account.equity")}
    if account_id is not None and account_id not in newest:
        typer.echo(f"account {account_id} has no session yet; open one with `paper session open`", err=True)
        raise typer.Exit(1)
    rows = [readable(item) for key, item in sorted(newest.items()) if account_id in (None, key)]
    print_rows(rows, EQUITY_COLUMNS, as_json)


def _read(topic: str) -> Any:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.read_topic import read_topic

    settings = get_settings()
    return read_topic(settings, Codec(Registry(settings)), topic)
