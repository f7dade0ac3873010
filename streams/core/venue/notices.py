"""Notices to all accounts of a partition: events of an instrument that change every position in it."""

from schemas.records.enums import ExecType, Liquidity, OrderType, OrdStatus, Side, TimeInForce
from schemas.records.messages import ExecutionReport
from schemas.records.numbers import price_text


def split_notice(symbol: str, to: int, of: int, exec_id: str, time_ns: int) -> ExecutionReport:
    """Builds the notice to an account partition that each `of` units of its positions became `to` units."""
    notice = _notice(symbol, ExecType.SPLIT, f"{symbol}: {to} for {of}", exec_id, time_ns)
    return notice._replace(split_to=to, split_of=of)


def payment_notice(symbol: str, kind: ExecType, amount: int, price: int, exec_id: str, time_ns: int) -> ExecutionReport:
    """Builds the notice to an account partition of a funding or a cash dividend.

    kind: FUNDING with amount, the rate that longs pay, and the mark price, both 1e-9; or DIVIDEND with amount, the cash
    of a unit in 1e-9 of the instrument's currency.
    """
    if kind is ExecType.DIVIDEND:
        text = f"{symbol}: dividend of {price_text(amount)} a unit"
        return _notice(symbol, kind, text, exec_id, time_ns)._replace(dividend=amount)
    text = f"{symbol}: funding at a rate of {price_text(amount)} on {price_text(price)}"
    return _notice(symbol, kind, text, exec_id, time_ns)._replace(funding_rate=amount, funding_px=price)


def settlement_notice(symbol: str, price: int, exec_id: str, time_ns: int) -> ExecutionReport:
    """Builds the notice to an account partition that positions in an expired symbol are closed at a price, 1e-9."""
    text = f"{symbol}: settled at {price_text(price)}"
    return _notice(symbol, ExecType.SETTLEMENT, text, exec_id, time_ns)._replace(settlement_px=price)


def _notice(symbol: str, kind: ExecType, text: str, exec_id: str, time_ns: int) -> ExecutionReport:
    return ExecutionReport(
        exec_id=exec_id,
        order_id="",
        request_id=None,
        account_id="",
        session_id=None,
        strategy_id=None,
        symbol=symbol,
        side=Side.UNKNOWN,
        order_type=OrderType.UNKNOWN,
        time_in_force=TimeInForce.UNKNOWN,
        exec_type=kind,
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
        text=text,
        simulator=None,
        bid_px=None,
        bid_sz=None,
        ask_px=None,
        ask_sz=None,
        quote_ts=None,
        order_ts=time_ns,
        ts=time_ns,
    )
