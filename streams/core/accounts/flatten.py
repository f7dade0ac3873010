"""Flattening: the shard closes an account's positions by orders of its own, which are booked like any other.

Closing orders are MARKET, IOC and reduce-only. Their ids consist of the cause and the symbol, their mode is that of the
position. Neither controls nor authorisations are asked, so they go out even if the account is HALTED.

A closing order is never larger than what the other orders of its side leave to close; while cancels are on their way,
closing waits for their answers. If a closing order leaves a rest, the next quote of its symbol starts another, up to
CLOSING_ORDERS_MAX. Then the rest stays, and a risk event says so.
"""

from collections.abc import Callable

from schemas.records.enums import Action, MarkKind, OrderType, OrdStatus, RiskEventKind, Side, TimeInForce
from schemas.records.messages import ExecutionReport, Mark, OrderRequest
from schemas.records.numbers import price_text
from streams.core.accounts.approval import approve
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.shard_state import ShardState
from streams.core.ledger.working_order import WorkingOrder

CLOSING_PREFIX = "flatten-"
CLOSING_ORDERS_MAX = 20
"""Closing orders for each symbol of one flattening."""


def flatten(
    state: ShardState, account: Account, cause: str, is_meant: Callable[[str], bool] = lambda symbol: True
) -> None:
    """Closes open positions, and what working orders may still open before their cancels reach the venue.

    cause: the id of the event or control that asks for it. is_meant: chooses symbols. The caller cancels the working
    orders.
    """
    for symbol in sorted(filter(is_meant, account.ledger.symbols())):
        if account.ledger.position_quantity(symbol) or account.ledger.orders_in(symbol):
            account.flattening[symbol] = (cause, 0)
            state.closing.setdefault(symbol, {})[account.account_id] = None
            _step(state, account, symbol)


def after_mark(state: ShardState, mark: Mark) -> None:
    """Tries again, at a quote, to close what is still open in its symbol."""
    if mark.kind is not MarkKind.QUOTE:
        return
    for name in sorted(state.closing.get(mark.symbol, ())):
        account = state.accounts[name]
        if mark.symbol in account.flattening:
            _step(state, account, mark.symbol)
        else:
            del state.closing[mark.symbol][name]


def after_order_end(state: ShardState, account: Account, report: ExecutionReport) -> None:
    """Sends the next closing order, or ends the flattening, after an order of its symbol has ended."""
    flattening = account.flattening.get(report.symbol)
    if flattening is None:
        return
    own = report.order_id.startswith(closing_order_id(flattening[0], report.symbol))
    if not own or report.ord_status is OrdStatus.FILLED or not account.ledger.position_quantity(report.symbol):
        _step(state, account, report.symbol)


def closing_order_id(cause: str, symbol: str) -> str:
    """Returns the id of the first closing order of a symbol; those of the others begin with it."""
    return f"{CLOSING_PREFIX}{cause}-{symbol}"


def _step(state: ShardState, account: Account, symbol: str) -> None:
    """Sends the next closing order, waits, or ends the flattening of a symbol."""
    cause, sent = account.flattening[symbol]
    held = account.ledger.position_quantity(symbol)
    working = account.ledger.orders_in(symbol)
    own = closing_order_id(cause, symbol)
    if not held and not working:
        del account.flattening[symbol]
        return
    if not held or any(order.order_id.startswith(own) for order in working):
        return
    instrument = state.instruments.get(symbol)
    if instrument is not None and instrument.is_expired(state.time_ns):
        if not working:
            _give_up(state, account, symbol, "it has expired; send its settlement")
        return
    side = Side.SELL if held > 0 else Side.BUY
    quantity = _quantity(state, symbol, abs(held) - account.ledger.working_leaves(symbol, side))
    if quantity <= 0:
        if not working:
            _give_up(state, account, symbol, "the rest is below what the instrument can trade; close it by hand")
        return
    if sent >= CLOSING_ORDERS_MAX:
        _give_up(state, account, symbol, f"{sent} closing orders did not close it; close it by hand")
        return
    account.flattening[symbol] = (cause, sent + 1)
    _send(state, account, symbol, side, quantity, own if sent == 0 else f"{own}-{sent + 1}")


def _quantity(state: ShardState, symbol: str, closable: int) -> int:
    """Returns the part of a closable quantity that one order of the instrument can trade, 1e-9 units."""
    instrument = state.instruments.get(symbol)
    if instrument is None:
        return 0
    quantity = min(closable, instrument.max_quantity)
    quantity -= quantity % instrument.lot_size
    return quantity if quantity >= instrument.min_quantity else 0


def _send(state: ShardState, account: Account, symbol: str, side: Side, quantity: int, order_id: str) -> None:
    request = OrderRequest(
        action=Action.NEW,
        order_id=order_id,
        orig_order_id=None,
        account_id=account.account_id,
        strategy_id=account.strategy_id,
        symbol=symbol,
        side=side,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        quantity=quantity,
        price=None,
        ts=state.time_ns,
        reduce_only=True,
        mode=account.ledger.mode_in(symbol),
    )
    account.ledger.seen.add(order_id)
    account.ledger.add_order(WorkingOrder(request, quantity, None))
    approve(state, account, request)


def _give_up(state: ShardState, account: Account, symbol: str, why: str) -> None:
    cause, _ = account.flattening.pop(symbol)
    held = price_text(account.ledger.position_quantity(symbol))
    state.emit_risk_event(
        RiskEventKind.LIMIT_WARNING,
        f"account {account.account_id} still holds {held} {symbol}: {why}",
        account,
        code="FLATTEN_INCOMPLETE",
        observed_value=held,
        symbol=symbol,
        cause=cause,
    )
