"""Builders of the account shard's output records."""

from typing import Final

from schemas.records.bounds import as_price
from schemas.records.construction import record_of
from schemas.records.enums import (
    TERMINAL_STATUSES,
    Action,
    BreakerState,
    DeskReportKind,
    EquityTrigger,
    ExecType,
    Liquidity,
    OrderType,
    OrdStatus,
    ResultSource,
    Side,
    TimeInForce,
)
from schemas.records.messages import (
    AccountEquity,
    ApprovedOrder,
    DeskReport,
    ExecutionReport,
    Fill,
    OrderRequest,
    OrderResult,
    PositionReport,
)
from schemas.records.numbers import PRICE_SCALE
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.fix_reasons import fix_reason
from streams.core.ledger.exposure import Valuation
from streams.core.ledger.position import Position
from streams.core.ledger.working_order import WorkingOrder
from streams.core.reference.instruments import multiplied
from streams.core.risk.proposal import Reject

TERMS: Final = 11
"""An approved order begins with the first fields of its request: action to price."""
INSTRUCTIONS: Final = 12
"""It ends with the request's last fields: stop_price to mode."""
DETAILS: Final = 23
"""A result takes the first fields of its execution report: exec_id to text."""


def approved(request: OrderRequest, session_id: str, approval_id: str, time_ns: int) -> ApprovedOrder:
    """Returns a request as the venue gets it."""
    terms, instructions = request[:TERMS], request[INSTRUCTIONS:]
    return record_of(ApprovedOrder, (*terms, approval_id, session_id, request.ts, time_ns, *instructions))


def cancel_of(
    account_id: str, order: WorkingOrder, request_id: str, time_ns: int, met_by: str | None = None
) -> OrderRequest:
    """Returns a cancel that the shard itself asks for.

    met_by: the order of the account that would have traded with it. If request_id is met_by:order_id, the venue gives
    SELF_MATCH as the reason.
    """
    return OrderRequest(
        action=Action.CANCEL,
        order_id=request_id,
        orig_order_id=order.order_id,
        account_id=account_id,
        strategy_id=order.request.strategy_id,
        symbol=order.symbol,
        side=Side.UNKNOWN,
        order_type=OrderType.UNKNOWN,
        time_in_force=TimeInForce.DAY,
        quantity=None,
        price=None,
        ts=time_ns,
        parent_order_id=met_by,
    )


def risk_result(
    request: OrderRequest,
    account: Account | None,
    target: WorkingOrder | None,
    reject: Reject,
    terminal: bool,
    result_id: str,
    time_ns: int,
) -> OrderResult:
    """Returns the refusal of a request: REJECTED for a NEW order, CANCEL_REJECT for a cancel or replace."""
    is_new = request.action is Action.NEW or not request.orig_order_id
    status = OrdStatus.REJECTED if is_new or target is None else target.status
    return OrderResult(
        result_id=result_id,
        source=ResultSource.RISK,
        exec_id=None,
        order_id=request.order_id if is_new or not request.orig_order_id else request.orig_order_id,
        request_id=None if is_new else request.order_id,
        account_id=request.account_id,
        session_id=account.session_id if account else None,
        strategy_id=request.strategy_id,
        symbol=target.symbol if target else request.symbol,
        side=target.side if target else request.side,
        order_type=target.request.order_type if target else request.order_type,
        time_in_force=target.request.time_in_force if target else request.time_in_force,
        exec_type=ExecType.REJECTED if is_new else ExecType.CANCEL_REJECT,
        ord_status=status,
        order_qty=target.quantity if target else request.quantity,
        price=target.price if target else request.price,
        last_qty=None,
        last_px=None,
        cum_qty=target.cum_quantity if target else 0,
        leaves_qty=target.quantity - target.cum_quantity if target else 0,
        avg_px=None,
        commission=None,
        liquidity=Liquidity.UNKNOWN,
        reason_code=reject.code,
        text=reject.text,
        limit_value=reject.limit_value,
        observed_value=reject.observed_value,
        terminal=terminal and is_new,
        order_ts=request.ts,
        ts=time_ns,
        stop_price=target.stop_price if target else request.stop_price,
        fix_reason=fix_reason(reject.code, of_cancel=not is_new),
        breaker=reject.breaker,
        breaker_event_id=reject.event_id,
    )


def execution_result(report: ExecutionReport, result_id: str, time_ns: int) -> OrderResult:
    """Returns an execution report as the client sees it."""
    terminal = report.exec_type is not ExecType.CANCEL_REJECT and report.ord_status in TERMINAL_STATUSES
    rest = (None, None, terminal, report.order_ts, time_ns, report.stop_price, _fix_reason(report), False, None, None)
    return record_of(OrderResult, (result_id, ResultSource.EXECUTION, *report[:DETAILS], *rest))


def _fix_reason(report: ExecutionReport) -> int | None:
    if report.exec_type not in (ExecType.REJECTED, ExecType.CANCEL_REJECT):
        return None
    return fix_reason(report.reason_code, of_cancel=report.exec_type is ExecType.CANCEL_REJECT)


def mass_cancel_result(
    request: OrderRequest, account: Account, canceled: int, waiting: int, result_id: str, time_ns: int
) -> OrderResult:
    """Returns the report of a MASS_CANCEL (FIX 35=r, tag 533 TotalAffectedOrders); each cancel has its own answer.

    canceled: working orders that the venue is asked to cancel. waiting: orders that waited and were refused.
    """
    scope = " ".join(item for item in (request.symbol or "all symbols", request.side) if item != Side.UNKNOWN)
    return OrderResult(
        result_id=result_id,
        source=ResultSource.RISK,
        exec_id=None,
        order_id=request.order_id,
        request_id=None,
        account_id=request.account_id,
        session_id=account.session_id,
        strategy_id=request.strategy_id,
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        exec_type=ExecType.MASS_CANCEL,
        ord_status=OrdStatus.UNKNOWN,
        order_qty=None,
        price=None,
        last_qty=None,
        last_px=None,
        cum_qty=0,
        leaves_qty=0,
        avg_px=None,
        commission=None,
        liquidity=Liquidity.UNKNOWN,
        reason_code=None,
        text=f"{canceled} working orders in {scope} are being canceled{waiting_text(waiting)}",
        limit_value=None,
        observed_value=str(canceled + waiting),
        terminal=False,
        order_ts=request.ts,
        ts=time_ns,
    )


def waiting_text(waiting: int) -> str:
    """Returns the end of a sentence on orders that waited and were refused; empty if there are none."""
    return f", {waiting} that waited for their ts are refused" if waiting else ""


def fill(
    report: ExecutionReport, account: Account, position: Position, realised: int, currency: str, rate: int | None
) -> Fill:
    """Returns a fill as it was booked. realised: net of commission, 1e-18 of the account's currency.

    currency: the instrument's. rate: its price in the account's currency, 1e-9; None if both are the same.
    """
    assert report.last_qty is not None
    assert report.last_px is not None
    multiplier = position.multiplier
    return record_of(
        Fill,
        (
            report.exec_id,
            report.order_id,
            report.account_id,
            account.session_id,
            report.strategy_id,
            report.symbol,
            report.side,
            report.last_qty,
            report.last_px,
            multiplied(report.last_qty * report.last_px, multiplier),
            report.commission or 0,
            currency,
            report.liquidity,
            realised,
            position.quantity,
            position.average_price,
            account.ledger.cash,
            report.simulator,
            report.bid_px,
            report.bid_sz,
            report.ask_px,
            report.ask_sz,
            report.quote_ts,
            report.ts,
            report.trade_px,
            _of_contract(report.slippage_mid, multiplier),
            _of_contract(report.slippage_arrival, multiplier),
            rate,
            None if rate is None else account.currency,
            None if multiplier == PRICE_SCALE else multiplier,
        ),
    )


def _of_contract(slippage: int | None, multiplier: int) -> int | None:
    """Returns a slippage (1e-9) for a contract instead of a unit of its underlying."""
    return None if slippage is None else as_price(multiplied(slippage, multiplier))


def position_report(account: Account, symbol: str, held: Position, exec_id: str | None, time_ns: int) -> PositionReport:
    """Returns the position of an account in a symbol."""
    ledger = account.ledger
    return record_of(
        PositionReport,
        (
            ledger.account_id,
            symbol,
            account.session_id,
            held.quantity,
            held.average_price,
            held.cost,
            held.realised_pnl,
            held.commission,
            ledger.currency,
            exec_id,
            time_ns,
            held.borrow_fees,
            held.funding,
            held.dividends,
        ),
    )


def equity(account: Account, valuation: Valuation, trigger: EquityTrigger, time_ns: int) -> AccountEquity:
    """Returns the cash and mark-to-market equity of an account."""
    ledger, position_value, value = account.ledger, valuation.position_value, valuation.equity
    gross_realised = commission = borrow_fees = funding = dividends = cost = 0
    for item in ledger.positions.values():
        gross_realised += item.gross_realised
        commission += item.commission
        borrow_fees += item.borrow_fees
        funding += item.funding
        dividends += item.dividends
        cost += item.cost
    return record_of(
        AccountEquity,
        (
            ledger.account_id,
            account.session_id,
            account.strategy_id,
            trigger,
            ledger.currency,
            ledger.cash,
            position_value,
            value,
            gross_realised - commission,
            position_value - cost,
            commission,
            account.peak_equity,
            value - account.peak_equity,
            time_ns,
            borrow_fees,
            valuation.gross_exposure,
            max(valuation.buying_power, 0),
            funding,
            dividends,
        ),
    )


def desk_report(kind: DeskReportKind, partition: int, time_ns: int) -> DeskReport:
    """Returns a report of an account shard to the others, with nothing in it yet."""
    return DeskReport(
        kind=kind,
        shard=f"accounts-{partition}",
        currency=None,
        equity=None,
        opening_cash=None,
        realised_pnl=None,
        orders=0,
        cancels=0,
        business_rejects=0,
        technical_failures=0,
        breaker=None,
        breaker_state=BreakerState.UNKNOWN,
        event_id=None,
        text=None,
        ts=time_ns,
    )
