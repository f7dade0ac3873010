"""`paper session`, `paper trading-state`: operators' commands on accounts."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import typer

from streams.cli.command import send, tell

REASON = typer.Option("command line", help="Why; kept with the answer.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Paper sessions: open, close.", no_args_is_help=True)
    group.command("open")(open_session)
    group.command("close")(close_session)
    app.add_typer(group, name="session")
    app.command("trading-state")(trading_state)


def open_session(
    account: str = typer.Option(..., help="Account id."),
    cash: str = typer.Option("1000000", help="Opening cash."),
    currency: str = typer.Option("USD", help="Currency of the account."),
    strategy: str = typer.Option(None, help="Strategy under test."),
    session: str = typer.Option(None, help="Session id; made up where none is given."),
    limit: list[str] = typer.Option([], help="NAME=VALUE: max_order_quantity, max_order_notional, max_position."),
    reason: str = REASON,
) -> None:
    """Opens a paper session: the account may trade from here on. Exit code 1 if it is refused."""
    from streams.domain.enums import ControlKind

    events = send(
        kind=ControlKind.SESSION_OPEN,
        account_id=account,
        session_id=session or f"{account}-{uuid4().hex[:8]}",
        strategy_id=strategy,
        opening_cash=_decimal("--cash", cash),
        currency=currency,
        limits=dict(_limit(item) for item in limit) or None,
        reason=reason,
    )
    tell(events)


def close_session(account: str = typer.Option(..., help="Account id."), reason: str = REASON) -> None:
    """Closes the account's session: working orders are canceled, new ones refused."""
    from streams.domain.enums import ControlKind

    tell(send(kind=ControlKind.SESSION_CLOSE, account_id=account, reason=reason))


def trading_state(
    state: str = typer.Argument(..., help="ACTIVE, REDUCING or HALTED."),
    account: str = typer.Option(None, help="Account id; without it all accounts."),
    reason: str = REASON,
) -> None:
    """Sets the trading state of an account, or of all."""
    from streams.domain.enums import ControlKind, TradingState

    if state not in ("ACTIVE", "REDUCING", "HALTED"):
        raise typer.BadParameter(f"{state}: must be ACTIVE, REDUCING or HALTED")
    tell(send(kind=ControlKind.TRADING_STATE, account_id=account, trading_state=TradingState(state), reason=reason))


def _limit(text: str) -> tuple[str, Decimal]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"--limit {text}: must be NAME=VALUE")
    return name, _decimal(f"--limit {name}", value)


def _decimal(option: str, text: str) -> Decimal:
    from decimal import InvalidOperation

    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"{option} {text}: must be a number") from error
