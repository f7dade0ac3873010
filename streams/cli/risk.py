"""`paper risk`, `paper trading-state`: show the risk state of accounts, and send operators' commands."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.account_names import known_symbol
from streams.cli.command import REASON
from streams.cli.command_group import add_group
from streams.cli.options import JSON_LINES
from streams.cli.output import show

if TYPE_CHECKING:
    from streams.cli.kill_target import ClosingPosition
    from streams.core.accounts.account_shard import AccountShard
    from streams.core.accounts.state.account import Account
    from streams.core.risk.breakers.breaker import Breaker
    from streams.core.risk.kill_switch import KillTarget

ACCOUNT = typer.Option(None, "--account", help="Id of an account, or of its open session; default: all accounts.")
STATE_REASON = typer.Option("command line", "--reason", help="Reason for the command; it is recorded with the answer.")
BREAKER_COLUMNS = ("account", "breaker", "kind", "state", "floor", "since_event", "latches", "config")
PRESET_COLUMNS = ("preset", "title", "checked", "source")
STATUS_COLUMNS = (
    "account", "session", "open", "strategy", "state", "breakers", "killed", "working", "equity", "drawdown",
)  # fmt: skip

KILL_ACCOUNT = typer.Option(None, "--account", help="Id of an account, or of its open session.")
KILL_STRATEGY = typer.Option(None, "--strategy", help="Id of a strategy.")
KILL_SYMBOL = typer.Option(None, "--symbol", help="Symbol of an instrument.")
KILL_ALL = typer.Option(False, "--all", help="All trading.")
CLOSING_POLL_S = 0.1


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    group = add_group(
        app,
        "risk",
        "Shows the risk state of accounts; sets limits, resets breakers, stops trading (kill switch).",
        {"status": show_risk, "kill": kill, "resume": resume, "presets": list_presets},
    )
    add_group(
        group, "limits", "Shows and changes the risk limits of accounts.", {"show": show_limits, "set": set_limits}
    )
    add_group(
        group,
        "breakers",
        "Shows and resets circuit breakers, of accounts and of the desk (all accounts together).",
        {"show": show_breakers, "reset": reset_breaker},
    )
    app.command("trading-state")(set_trading_state)


def show_risk(account: str = ACCOUNT, as_json: bool = JSON_LINES) -> None:
    """Shows if accounts may trade: trading state, open breakers, kill switch, equity and drawdown."""
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
    strategy: str = KILL_STRATEGY,
    symbol: str = KILL_SYMBOL,
    everything: bool = KILL_ALL,
    flatten: bool = typer.Option(False, help="Also close the positions."),
    reason: str = REASON,
) -> None:
    """Stops an account, a strategy, an instrument, or all trading: cancels working orders and refuses new ones.

    With --flatten, says which positions it closes, and which of them wait for a quote. If no session and no order has
    had the name, nothing is sent, and the exit code is 1.
    """
    from infra.settings import get_settings
    from streams.cli.kill_target import by_account, check_known, holdings_of, strategies_of_orders

    target = _target(account, strategy, symbol, everything)
    shards = _readable_shards()
    if shards is not None:
        target = by_account(target, shards)
        check_known(target, shards, lambda: strategies_of_orders(get_settings()))
    if flatten and shards is not None:
        _kill_and_follow(target, holdings_of(target, shards), reason)
    else:
        _switch("KILL", target, reason, flatten)


def resume(
    account: str = KILL_ACCOUNT,
    strategy: str = KILL_STRATEGY,
    symbol: str = KILL_SYMBOL,
    everything: bool = KILL_ALL,
    reason: str = REASON,
) -> None:
    """Ends a kill. Name the same account, strategy or instrument, or --all, as the kill did."""
    _switch("RESUME", _target(account, strategy, symbol, everything), reason)


def _target(account: str | None, strategy: str | None, symbol: str | None, everything: bool) -> KillTarget:
    from streams.core.risk.kill_switch import KillScope, KillTarget

    scopes = {
        KillScope.ACCOUNT: account,
        KillScope.STRATEGY: strategy,
        KillScope.SYMBOL: symbol and known_symbol(symbol),
    }
    named = [KillTarget(scope, name) for scope, name in scopes.items() if name is not None]
    named += [KillTarget(KillScope.ALL)] if everything else []
    if len(named) != 1:
        raise typer.BadParameter("name one of --account, --strategy, --symbol, --all")
    return named[0]


def _readable_shards() -> list[AccountShard] | None:
    """Returns the account shards. If one can't be read, warns and returns None: a kill must reach the others."""
    from infra.errors import PaperError

    try:
        return _shards()
    except PaperError as error:
        print(f"sent without a check of names and positions: {error}", file=sys.stderr)
        return None


def _switch(kind: str, target: KillTarget, reason: str, flatten: bool = False) -> str:
    """Sends a command, prints its answers, and returns its id."""
    from schemas.records.enums import ControlKind
    from streams.cli.command import print_answers, send
    from streams.core.risk.kill_switch import KillScope

    fields = {KillScope.ACCOUNT: "account_id", KillScope.STRATEGY: "strategy_id", KillScope.SYMBOL: "symbol"}
    names = {fields[target.scope]: target.name} if target.scope in fields else {}
    answers = send(kind=ControlKind(kind), **names, flatten=flatten, reason=reason)
    print_answers(answers)
    return answers[0].control_id or ""


def _kill_and_follow(target: KillTarget, holdings: list[ClosingPosition], reason: str) -> None:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.kill_target import CLOSING_WAIT_S, follow_closing
    from streams.pipeline.clients.follow import Follower

    for item in holdings:
        show(f"closes {item}")
    if not holdings:
        print(f"closes no position: {target} holds none")
    settings = get_settings()
    with Follower(settings, Codec(Registry(settings)), ["order.results"]) as results:
        control_id = _switch("KILL", target, reason, flatten=True)
        for sentence in follow_closing(
            lambda: [item.message for item in results.poll(CLOSING_POLL_S)], holdings, control_id, CLOSING_WAIT_S
        ):
            show(sentence)


def list_presets(as_json: bool = JSON_LINES) -> None:
    """Lists the presets of breakers: rules of proprietary trading firms, with their source and the day it was read.

    `--limit preset=NAME` of `paper session open` and `paper risk limits set preset=NAME` set one in the place of every
    other preset; the name none takes it away.
    """
    from streams.cli.output import print_rows
    from streams.pipeline.reference.presets import presets

    rows = [{"preset": name, **item.model_dump(mode="json", exclude_unset=True)} for name, item in presets().items()]
    print_rows(rows, PRESET_COLUMNS, as_json)


def show_breakers(account: str = ACCOUNT, as_json: bool = JSON_LINES) -> None:
    """Shows the circuit breakers of accounts and of the desk: state, floor, last transition, and settings."""
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
        "floor": _floor(breaker),
        "since_event": breaker.event_id,
        "latches": breaker.latches,
        "config": json.dumps(config),
    }


def _floor(breaker: Breaker) -> str | None:
    """Returns the level of equity or balance at which a breaker opens."""
    from schemas.records.numbers import money_text
    from streams.core.risk.breakers.meter import EquityMeter

    floor = breaker.meter.floor if isinstance(breaker.meter, EquityMeter) else None
    return None if floor is None else money_text(floor)


def reset_breaker(
    name: str = typer.Argument(help="Name of the breaker, from `paper risk breakers show`."),
    account: str = typer.Option(None, "--account", help="Account of the breaker; default: a breaker of the desk."),
    reason: str = REASON,
) -> None:
    """Closes an open breaker, which then measures from now on.

    Exit code 1 if there is no such breaker.
    """
    from schemas.records.enums import ControlKind
    from streams.cli.command import print_answers, send

    print_answers(send(kind=ControlKind.BREAKER_RESET, account_id=account, breaker=name, reason=reason))


def show_limits(account: str = ACCOUNT) -> None:
    """Prints the limits of accounts, as one JSON object per line."""
    for _, item in _accounts(account):
        print(json.dumps({"account": item.account_id, **item.limits.to_state()}))


def set_limits(
    changes: list[str] = typer.Argument(
        help="Limits to change: NAME=VALUE (max_position=500), NAME.PARAMETER=VALUE (order_rate.window_ms=1000), "
        "preset=NAME (`paper risk presets`), or @FILE with a JSON or TOML document. VALUE false switches a limit off, "
        "true on."
    ),
    account: str = ACCOUNT,
    reason: str = REASON,
) -> None:
    """Changes the limits of an account, or of all accounts, from the next record on.

    docs/risk.md explains every limit. Exit code 1 if the change is refused.
    """
    from schemas.records.enums import ControlKind
    from streams.cli.command import print_answers, send
    from streams.cli.limit_changes import limit_changes

    print_answers(send(kind=ControlKind.LIMITS, account_id=account, limits=limit_changes(changes), reason=reason))


def set_trading_state(
    state: str = typer.Argument(
        ..., help="ACTIVE, REDUCING (orders may only reduce positions) or HALTED (no order passes)."
    ),
    account: str = ACCOUNT,
    reason: str = STATE_REASON,
) -> None:
    """Sets the trading state of an account, or of all accounts."""
    from schemas.records.enums import ControlKind, TradingState
    from streams.cli.command import print_answers, send

    if state not in ("ACTIVE", "REDUCING", "HALTED"):
        raise typer.BadParameter(f"{state}: must be ACTIVE, REDUCING or HALTED")
    trading_state = TradingState(state)
    print_answers(send(kind=ControlKind.TRADING_STATE, account_id=account, trading_state=trading_state, reason=reason))


def _shards() -> list[AccountShard]:
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.account_shards import account_shards

    settings = get_settings()
    return list(account_shards(settings, Codec(Registry(settings))))


def _accounts(account_id: str | None) -> list[tuple[AccountShard, Account]]:
    """Returns accounts with their shards, as last committed. Raises InputError if the named account has no session."""
    from streams.errors import InputError

    found = [
        (shard, account)
        for shard in _shards()
        for account in shard.accounts.values()
        if account_id is None or account_id in (account.account_id, account.session_id)
    ]
    if account_id is not None and not found:
        raise InputError(
            f"account {account_id} has no session yet; `paper session open --account {account_id}` opens one"
        )
    return sorted(found, key=lambda item: item[1].account_id)
