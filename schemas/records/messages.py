"""Records of the topics as immutable tuples, field by field as in schemas/avsc, which documents each field.

Prices and quantities are integers of 1e-9, money integers of 1e-18, times UTC nanoseconds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.records.enums import (
    Action,
    BreakerState,
    ControlKind,
    DeskReportKind,
    EquityTrigger,
    ExecType,
    Liquidity,
    MarkKind,
    OffsetType,
    OrderType,
    OrdStatus,
    ResultSource,
    RiskEventKind,
    Side,
    TimeInForce,
    TradingMode,
    TradingState,
)

Ints = NDArray[np.int64]
Column = Sequence[int] | Ints
"""A column of market.data: a list as it is decoded, or an array where code searches it."""


class OrderRequest(NamedTuple):
    """A client's request."""

    action: Action
    order_id: str
    orig_order_id: str | None
    account_id: str
    strategy_id: str | None
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: int | None
    price: int | None
    ts: int
    stop_price: int | None = None
    trailing_offset: int | None = None
    trailing_type: OffsetType = OffsetType.UNKNOWN
    expire_ts: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    display_quantity: int | None = None
    parent_order_id: str | None = None
    oco_group: str | None = None
    mode: TradingMode = TradingMode.PAPER


class MarketData(NamedTuple):
    """A batch of updates of one symbol, in the order of the market."""

    symbol: str
    ts: int
    kinds: str
    times: Column
    bid_px: Column
    bid_sz: Column
    ask_px: Column
    ask_sz: Column
    trade_px: Column
    trade_sz: Column
    aggressors: str
    book_bids: Column = ()
    book_asks: Column = ()
    book_px: Column = ()
    book_sz: Column = ()
    split_to: Column = ()
    split_of: Column = ()
    source: str = ""
    funding_rate: Column = ()
    funding_px: Column = ()
    dividend: Column = ()
    settlement_px: Column = ()


class Control(NamedTuple):
    """An operator's command."""

    control_id: str
    kind: ControlKind
    account_id: str | None
    session_id: str | None
    strategy_id: str | None
    opening_cash: int | None
    currency: str | None
    trading_state: TradingState
    limits: str | None
    actor: str
    reason: str
    ts: int
    symbol: str | None = None
    breaker: str | None = None
    instruments: str | None = None
    settings_sha256: str | None = None
    flatten: bool = False
    authorisation: str | None = None
    code_sha256: str | None = None
    parameters: str | None = None


class ApprovedOrder(NamedTuple):
    """A request that passed the pre-trade controls."""

    action: Action
    order_id: str
    orig_order_id: str | None
    account_id: str
    strategy_id: str | None
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: int | None
    price: int | None
    approval_id: str
    session_id: str | None
    order_ts: int
    ts: int
    stop_price: int | None = None
    trailing_offset: int | None = None
    trailing_type: OffsetType = OffsetType.UNKNOWN
    expire_ts: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    display_quantity: int | None = None
    parent_order_id: str | None = None
    oco_group: str | None = None
    mode: TradingMode = TradingMode.PAPER


class ExecutionReport(NamedTuple):
    """A report of the venue about an order (FIX 35=8 and 35=9)."""

    exec_id: str
    order_id: str
    request_id: str | None
    account_id: str
    session_id: str | None
    strategy_id: str | None
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    exec_type: ExecType
    ord_status: OrdStatus
    order_qty: int | None
    price: int | None
    last_qty: int | None
    last_px: int | None
    cum_qty: int
    leaves_qty: int
    avg_px: int | None
    commission: int | None
    liquidity: Liquidity
    reason_code: str | None
    text: str | None
    simulator: str | None
    bid_px: int | None
    bid_sz: int | None
    ask_px: int | None
    ask_sz: int | None
    quote_ts: int | None
    order_ts: int
    ts: int
    stop_price: int | None = None
    model: str | None = None
    latency_ns: int | None = None
    book_age_ns: int | None = None
    queue_ahead: int | None = None
    trade_px: int | None = None
    trade_sz: int | None = None
    arrival_px: int | None = None
    slippage_mid: int | None = None
    slippage_arrival: int | None = None
    split_to: int | None = None
    split_of: int | None = None
    funding_rate: int | None = None
    funding_px: int | None = None
    dividend: int | None = None
    settlement_px: int | None = None


class Mark(NamedTuple):
    """Conflated last quote of a symbol, one copy to each account partition."""

    symbol: str
    kind: MarkKind
    bid_px: int | None
    bid_sz: int | None
    ask_px: int | None
    ask_sz: int | None
    ts: int
    split_to: int | None = None
    split_of: int | None = None


class OrderResult(NamedTuple):
    """A result as the client sees it: a risk reject or an execution report. Each order has one terminal result."""

    result_id: str
    source: ResultSource
    exec_id: str | None
    order_id: str
    request_id: str | None
    account_id: str
    session_id: str | None
    strategy_id: str | None
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    exec_type: ExecType
    ord_status: OrdStatus
    order_qty: int | None
    price: int | None
    last_qty: int | None
    last_px: int | None
    cum_qty: int
    leaves_qty: int
    avg_px: int | None
    commission: int | None
    liquidity: Liquidity
    reason_code: str | None
    text: str | None
    limit_value: str | None
    observed_value: str | None
    terminal: bool
    order_ts: int
    ts: int
    stop_price: int | None = None
    fix_reason: int | None = None
    poss_resend: bool = False
    breaker: str | None = None
    breaker_event_id: str | None = None


class Fill(NamedTuple):
    """A fill as booked: cash, realised PnL and the position after it."""

    exec_id: str
    order_id: str
    account_id: str
    session_id: str | None
    strategy_id: str | None
    symbol: str
    side: Side
    quantity: int
    price: int
    notional: int
    commission: int
    currency: str
    liquidity: Liquidity
    realised_pnl: int
    position_qty: int
    position_avg_px: int | None
    cash: int
    simulator: str | None
    bid_px: int | None
    bid_sz: int | None
    ask_px: int | None
    ask_sz: int | None
    quote_ts: int | None
    ts: int
    trade_px: int | None = None
    slippage_mid: int | None = None
    slippage_arrival: int | None = None
    fx_rate: int | None = None
    account_currency: str | None = None
    contract_multiplier: int | None = None


class PositionReport(NamedTuple):
    """The position of an account in a symbol after a change (FIX 35=AP)."""

    account_id: str
    symbol: str
    session_id: str | None
    quantity: int
    avg_px: int | None
    cost: int
    realised_pnl: int
    commission: int
    currency: str
    exec_id: str | None
    ts: int
    borrow_fees: int = 0
    funding: int = 0
    dividends: int = 0


class AccountEquity(NamedTuple):
    """Cash and mark-to-market equity of an account at fills and at each interval of market time."""

    account_id: str
    session_id: str | None
    strategy_id: str | None
    trigger: EquityTrigger
    currency: str
    cash: int
    position_value: int
    equity: int
    realised_pnl: int
    unrealised_pnl: int
    commission: int
    peak_equity: int
    drawdown: int
    ts: int
    borrow_fees: int = 0
    gross_exposure: int | None = None
    buying_power: int | None = None
    funding: int = 0
    dividends: int = 0


class RiskEvent(NamedTuple):
    """A decision of the risk side."""

    event_id: str
    kind: RiskEventKind
    account_id: str
    session_id: str | None
    order_id: str | None
    control_id: str | None
    code: str | None
    text: str
    limit_value: str | None
    observed_value: str | None
    actor: str | None
    reason: str | None
    ts: int
    strategy_id: str | None = None
    symbol: str | None = None
    breaker: str | None = None
    breaker_state: BreakerState = BreakerState.UNKNOWN
    window: str | None = None
    cause: str | None = None


class DeskReport(NamedTuple):
    """A report between the account shards of a desk: a shard's share, a desk breaker, or a revocation."""

    kind: DeskReportKind
    shard: str
    currency: str | None
    equity: int | None
    opening_cash: int | None
    realised_pnl: int | None
    orders: int
    cancels: int
    business_rejects: int
    technical_failures: int
    breaker: str | None
    breaker_state: BreakerState
    event_id: str | None
    text: str | None
    ts: int
    strategy_id: str | None = None


class Journal(NamedTuple):
    """The order in which a shard took its inputs, one record for each transaction."""

    shard: str
    sequence: int
    topics: Sequence[str]
    first_offsets: Sequence[int]
    last_offsets: Sequence[int]
    counts: Sequence[int]
    config: str | None
    outputs: int
    outputs_crc32: int
    code_version: str
    ts: int
    quarantined: Sequence[int] = ()
    quarantine_classes: Sequence[str] = ()
    quarantine_texts: Sequence[str] = ()
    acknowledged: str | None = None
    alarms: int = 0
    rewritten: int = 0
