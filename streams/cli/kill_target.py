"""The target of `paper risk kill`: its name is checked before it is sent, and its closing orders are followed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from infra.errors import ClickHouseError
from schemas.records.numbers import price_text
from streams.core.accounts.flatten import closing_order_id
from streams.core.risk.kill_switch import KillScope, KillTarget
from streams.errors import InputError

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.records.messages import OrderResult
    from streams.core.accounts.account_shard import AccountShard

NAMES_SHOWN = 20
"""Names that an error lists."""
CLOSING_WAIT_S = 3.0
"""Time in which a market that moves has closed a position."""


class ClosingPosition(NamedTuple):
    """A position that a kill closes. quantity: signed, 1e-9 units."""

    account_id: str
    symbol: str
    quantity: int

    def __str__(self) -> str:
        return f"{price_text(self.quantity)} {self.symbol} of account {self.account_id}"


def by_account(target: KillTarget, shards: Iterable[AccountShard]) -> KillTarget:
    """Returns a target with the account in the place of its open session, if that is what was named."""
    accounts = [account for shard in shards for account in shard.accounts.values()]
    if target.scope is not KillScope.ACCOUNT or any(account.account_id == target.name for account in accounts):
        return target
    meant = [account.account_id for account in accounts if account.session_open and account.session_id == target.name]
    return KillTarget(KillScope.ACCOUNT, meant[0]) if len(meant) == 1 else target


def check_known(
    target: KillTarget, shards: Iterable[AccountShard], strategies_of_orders: Callable[[], set[str]]
) -> None:
    """Refuses a name that no session and no order has had.

    strategies_of_orders: returns those of all orders so far; called only if no account has the name now. If ClickHouse
    can't say them, the name passes with a warning, because a kill must not wait.

    Raises InputError.
    """
    known = _names(target.scope, shards)
    if target.scope is KillScope.ALL or target.name in known:
        return
    if target.scope is KillScope.STRATEGY:
        try:
            known |= strategies_of_orders()
        except ClickHouseError as error:
            print(f"{target}: no session has it now, and past orders can't be asked: {error}", file=sys.stderr)
            return
    if target.name not in known:
        listed = ", ".join(sorted(known)[:NAMES_SHOWN]) or "none"
        more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
        raise InputError(f"{target} is not known, so nothing is sent; known are: {listed}{more}")


def _names(scope: KillScope, shards: Iterable[AccountShard]) -> set[str]:
    names: set[str | None] = set()
    for shard in shards:
        if scope is KillScope.SYMBOL:
            names.update(shard.symbols)
        for account in shard.accounts.values():
            if scope is KillScope.ACCOUNT:
                names.add(account.account_id)
            elif scope is KillScope.SYMBOL:
                names.update(account.ledger.symbols())
            elif scope is KillScope.STRATEGY:
                names.add(account.strategy_id)
                names.update(order.request.strategy_id for order in account.ledger.working.values())
                names.update(early.request.strategy_id for early in account.early.values())
    return {name for name in names if name}


def strategies_of_orders(settings: Settings) -> set[str]:
    """Returns the strategies that orders of the run have named. Raises ClickHouseError."""
    from contextlib import closing

    from infra.clickhouse.client import connect
    from infra.clickhouse.users import READER
    from streams.evidence.query_rows import query_rows

    with closing(connect(settings, user=READER)) as client:
        rows = query_rows(client, "strategies_of_orders", {"run_id": settings.run_id}, f"run {settings.run_id}")
    return {row["strategy_id"] for row in rows}


def holdings_of(target: KillTarget, shards: Iterable[AccountShard]) -> list[ClosingPosition]:
    """Returns the positions that a kill with flatten closes, by account and symbol."""
    return sorted(
        ClosingPosition(account.account_id, symbol, position.quantity)
        for shard in shards
        for account in shard.accounts.values()
        for symbol, position in account.ledger.positions.items()
        if position.quantity and target.covers(account.account_id, (account.strategy_id,), symbol)
    )


def follow_closing(
    results: Callable[[], Iterable[OrderResult]], holdings: Iterable[ClosingPosition], control_id: str, wait_s: float
) -> Iterator[str]:
    """Yields what has become of each position wait_s seconds after the kill. results: returns those that have come."""
    left = {(item.account_id, item.symbol): abs(item.quantity) for item in holdings}
    deadline = time.monotonic() + wait_s
    while any(quantity > 0 for quantity in left.values()):
        for result in results():
            place = result.account_id, result.symbol
            if place in left and result.order_id.startswith(closing_order_id(control_id, result.symbol)):
                left[place] -= result.last_qty or 0
        if time.monotonic() >= deadline:
            break
    for (account_id, symbol), quantity in left.items():
        if quantity > 0:
            yield f"{price_text(quantity)} {symbol} of account {account_id} waits for the next quote of {symbol}"
        else:
            yield f"{symbol} of account {account_id} is closed"
