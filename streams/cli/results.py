"""`paper results`, `paper positions`, `paper account`: show the newest records of the topics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.options import JSON_LINES

if TYPE_CHECKING:
    from schemas.records.messages import OrderResult

ACCOUNT = typer.Option(None, "--account", help="Id of an account, or of its session; default: all accounts.")
POLL_S = 0.2
RESULT_COLUMNS = ("time", "order_id", "symbol", "side", "exec_type", "last_qty", "last_px", "price", "reason_code")
POSITION_COLUMNS = (
    *("symbol", "quantity", "avg_px", "mark", "market_value", "unrealised_pnl", "realised_pnl", "currency"),
)
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
    """Adds the commands to `paper`."""
    for command in (results, positions, account):
        app.command()(command)


def results(
    account_id: str = ACCOUNT,
    follow: bool = typer.Option(False, help="Print new results as they come, from now on until Ctrl-C."),
    as_json: bool = JSON_LINES,
) -> None:
    """Shows the results of orders, oldest first within each account. Says on stderr how many fills are mock."""
    from streams.cli.output import print_rows, readable, say
    from streams.core.simulators.mock_executor import MOCK
    from streams.evidence.mock_notice import mock_notice

    if follow:
        _follow(account_id, as_json)
        return
    found = [item for item in _read("order.results") if _is_of(item, account_id)]
    rows = [readable(item) if as_json else readable(item) | {"time": item.ts} for item in found]
    print_rows(rows, _with_account(RESULT_COLUMNS, account_id), as_json)
    simulators = [item.simulator for item in _read("fills") if _is_of(item, account_id)]
    notice = mock_notice(simulators.count(MOCK), len(simulators))
    if notice:
        say(notice)


def _is_of(item: Any, named: str | None) -> bool:
    """Returns whether a record is of an account or a session; None means all."""
    return named is None or named in (item.account_id, item.session_id)


def _with_account(columns: tuple[str, ...], named: str | None) -> tuple[str, ...]:
    return columns if named else ("account_id", *columns)


def result_line(result: OrderResult) -> str:
    """Returns a result as a line: time, account, order, what happened, and why."""
    from schemas.records.numbers import price_text
    from streams.cli.cell_text import cell

    parts = [cell("ts", result.ts), result.account_id, result.order_id, result.symbol, result.side, result.exec_type]
    if result.last_qty is not None and result.last_px is not None:
        parts.append(f"{price_text(result.last_qty)} @ {price_text(result.last_px)}")
    elif result.price is not None:
        parts.append(f"limit {price_text(result.price)}")
    why = ": ".join(filter(None, (result.reason_code, result.text)))
    return "  ".join(filter(None, (*parts, why)))


def _follow(account_id: str | None, as_json: bool) -> None:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import readable, say, show
    from streams.evidence.mock_notice import mock_is_default, mock_setting_notice
    from streams.pipeline.clients.follow import Follower

    settings = get_settings()
    if mock_is_default(settings):
        say(mock_setting_notice())
    with Follower(settings, Codec(Registry(settings)), ["order.results"]) as follower:
        while True:
            for followed in follower.poll(POLL_S):
                if not _is_of(followed.message, account_id):
                    continue
                if as_json:
                    print(json.dumps(readable(followed.message)), flush=True)
                else:
                    show(result_line(followed.message))


def positions(account_id: str = ACCOUNT, as_json: bool = JSON_LINES) -> None:
    """Shows the position of each account in each instrument, valued at the newest quotes.

    mark is in the instrument's currency, the amounts are in the account's.
    """
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.output import print_rows
    from streams.cli.position_values import valued_positions

    newest = {(item.account_id, item.symbol): item for item in _read("positions")}
    reports = [item for _, item in sorted(newest.items()) if _is_of(item, account_id)]
    settings = get_settings()
    rows = valued_positions(settings, Codec(Registry(settings)), reports)
    print_rows(rows, _with_account(POSITION_COLUMNS, account_id), as_json)


def account(
    account_id: str = typer.Argument(None, help="Id of an account, or of its session; default: all accounts."),
    as_json: bool = JSON_LINES,
) -> None:
    """Shows the cash, equity and profit of accounts.

    Exit code 1 if the account has no session yet.
    """
    from streams.cli.output import print_rows, readable
    from streams.errors import InputError

    newest = {item.account_id: item for item in _read("account.equity")}
    rows = [readable(item) for _, item in sorted(newest.items()) if _is_of(item, account_id)]
    if account_id is not None and not rows:
        raise InputError(
            f"account {account_id} has no session yet; `paper session open --account {account_id}` opens one"
        )
    print_rows(rows, EQUITY_COLUMNS, as_json)


def _read(topic: str) -> Any:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.read_topic import read_topic

    settings = get_settings()
    return read_topic(settings, Codec(Registry(settings)), topic)
