"""`paper risk`: what operators see and do; every change is a record on controls, answered on risk.events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.command import REASON

if TYPE_CHECKING:
    from streams.core.accounts.account_shard import AccountShard
    from streams.core.accounts.state.account import Account
    from streams.core.risk.breakers.breaker import Breaker

ACCOUNT = typer.Option(None, "--account", help="Account id; without it all accounts.")
KILL_ACCOUNT = typer.Option(None, "--account", help="Account id.")
ALL = typer.Option(False, "--all", help="All trading.")
STRATEGY = typer.Option(None, "--strategy", help="Strategy id.")
SYMBOL = typer.Option(None, "--symbol", help="Symbol.")
AS_JSON = typer.Option(False, "--json", help="Print JSON lines.")
BREAKER_COLUMNS = ("account", "breaker", "kind", "state", "since_event", "latches", "config")
STATUS_COLUMNS = (
    "account", "session", "open", "strategy", "state", "breakers", "killed", "working", "equity", "drawdown",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Risk: status, limits, kill switch.", no_args_is_help=True)
    group.command()(status)
    group.command()(kill)
    group.command()(resume)
    group.add_typer(_limits(), name="limits")
    group.add_typer(_breakers(), name="breakers")
    app.add_typer(group, name="risk")


def _limits() -> typer.Typer:
    group = typer.Typer(help="Limits of accounts.", no_args_is_help=True)
    group.command("show")(show_limits)
    group.command("set")(set_limits)
    return group


def _breakers() -> typer.Typer:
    group = typer.Typer(help="Circuit breakers of accounts and of the desk.", no_args_is_help=True)
    group.command("show")(show_breakers)
    group.command("reset")(reset_breaker)
    return group


def status(account: str = ACCOUNT, as_json: bool = AS_JSON) -> None:
    """Shows what may trade: state, kills and drawdown of each account, as the shards last committed it."""
    from streams.cli.output import print_rows

    rows = [_status(shard, item) for shard, item in _accounts(account)]
    print_rows(rows, STATUS_COLUMNS, as_json)


def _status(shard: AccountShard, account: Account) -> dict[str, Any]:
    from schemas.records.numbers import money_text
    from streams.core.risk.breakers.stops import effective_state

    equity = shard.equity(account.account_id)
    return {
        "account": account.account_id,
        "session": account.session_id,
        "open": account.session_open,
        "strategy": account.strategy_id,
        "state": effective_state(account.trading_state, account.breakers),
        "breakers": ", ".join(f"{item.name} {item.state}" for item in account.breakers.stopping) or None,
        "killed": ", ".join(map(str, shard.kills(account.account_id))) or None,
        "working": len(account.ledger.working),
        "equity": money_text(equity),
        "drawdown": money_text(equity - account.peak_equity),
        "currency": account.currency,
    }


def kill(
    account: str = KILL_ACCOUNT,
    strategy: str = STRATEGY,
    symbol: str = SYMBOL,
    everything: bool = ALL,
    flatten: bool = typer.Option(False, help="Close the positions too."),
    reason: str = REASON,
) -> None:
    """Stops an account, a strategy, a symbol, or all trading: working orders are canceled, new ones refused."""
    _switch("KILL", account, strategy, symbol, everything, reason, flatten)


def resume(
    account: str = KILL_ACCOUNT,
    strategy: str = STRATEGY,
    symbol: str = SYMBOL,
    everything: bool = ALL,
    reason: str = REASON,
) -> None:
    """Lets what was killed trade again; name it as the kill did."""
    _switch("RESUME", account, strategy, symbol, everything, reason)


def _switch(
    kind: str,
    account: str | None,
    strategy: str | None,
    symbol: str | None,
    everything: bool,
    reason: str,
    flatten: bool = False,
) -> None:
    from schemas.records.enums import ControlKind
    from streams.cli.command import send, tell

    if [account, strategy, symbol].count(None) + (not everything) != 3:
        raise typer.BadParameter("name one of --account, --strategy, --symbol, --all")
    names = {"account_id": account, "strategy_id": strategy, "symbol": symbol}
    tell(send(kind=ControlKind(kind), **names, flatten=flatten, reason=reason))


def show_breakers(account: str = ACCOUNT, as_json: bool = AS_JSON) -> None:
    """Shows each account's breakers and those of the desk: state, what was decided last, how they are set."""
    from streams.cli.output import print_rows

    found = _accounts(account)
    rows = [_breaker(item.account_id, breaker) for _, item in found for breaker in item.breakers.by_name.values()]
    if account is None:
        rows += [_breaker("(desk)", breaker) for shard in _shards() for breaker in shard.desk_breakers]
    print_rows(rows, BREAKER_COLUMNS, as_json)


def _breaker(owner: str, breaker: Breaker) -> dict[str, Any]:
    config = breaker.config.model_dump(mode="json", exclude_defaults=True, exclude={"kind"})
    return {
        "account": owner,
        "breaker": breaker.name,
        "kind": breaker.config.kind,
        "state": breaker.state,
        "since_event": breaker.event_id,
        "latches": breaker.latches,
        "config": json.dumps(config),
    }


def reset_breaker(
    name: str = typer.Argument(help="Name of the breaker."),
    account: str = typer.Option(None, "--account", help="Account id; without it the breaker is the desk's."),
    reason: str = REASON,
) -> None:
    """Closes a breaker that is open, and measures afresh. Exit code 1 if there is none."""
    from schemas.records.enums import ControlKind
    from streams.cli.command import send, tell

    tell(send(kind=ControlKind.BREAKER_RESET, account_id=account, breaker=name, reason=reason))


def show_limits(account: str = ACCOUNT) -> None:
    """Prints the limits in force as one JSON object a line and account."""
    for _, item in _accounts(account):
        print(json.dumps({"account": item.account_id, **item.limits.to_state()}))


def set_limits(
    changes: list[str] = typer.Argument(help="NAME=VALUE, as max_position.limit=500; VALUE null switches off."),
    account: str = ACCOUNT,
    reason: str = REASON,
) -> None:
    """Changes limits of an account, or of all, from the next record on. Exit code 1 if they are refused."""
    from schemas.records.enums import ControlKind
    from streams.cli.command import send, tell

    patch: dict[str, Any] = {}
    for change in changes:
        _put(patch, change)
    tell(send(kind=ControlKind.LIMITS, account_id=account, limits=patch, reason=reason))


def _put(patch: dict[str, Any], change: str) -> None:
    """Puts NAME.NAME=VALUE into a merge patch; a VALUE that is JSON is taken as such, any other is text."""
    path, separator, text = change.partition("=")
    if not separator or not all(path.split(".")):
        raise typer.BadParameter(f"{change}: must be NAME=VALUE, as max_position.limit=500")
    try:
        value = json.loads(text, parse_float=str, parse_int=str)
    except json.JSONDecodeError:
        value = text
    *parents, name = path.split(".")
    for parent in parents:
        patch = patch.setdefault(parent, {})
    patch[name] = value


def _shards() -> list[AccountShard]:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.account_shards import account_shards

    settings = get_settings()
    return list(account_shards(settings, Codec(Registry(settings))))


def _accounts(account_id: str | None) -> list[tuple[AccountShard, Account]]:
    from streams.errors import InputError

    found = [
        (shard, account)
        for shard in _shards()
        for account in shard.accounts.values()
        if account_id in (None, account.account_id)
    ]
    if account_id is not None and not found:
        raise InputError(f"account {account_id} has no session yet; open one with `paper session open`")
    return sorted(found, key=lambda item: item[1].account_id)
