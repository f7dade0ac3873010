"""Folds a session's events into its state. The same records give the same state, from Kafka or from ClickHouse."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.records.enums import BreakerState, ControlKind, EquityTrigger, ExecType, RiskEventKind, Side
from schemas.records.messages import AccountEquity, Control, Fill, OrderResult, PositionReport, RiskEvent
from schemas.records.numbers import PRICE_SCALE
from streams.core.ledger.marks import converted
from streams.core.ledger.position import Position

TOPICS = ("controls", "risk.events", "order.results", "fills", "positions", "account.equity")
"""Topics of a session's events, in the order in which they are folded. Each is read in the order of its partition."""
OPEN, CLOSED = "OPEN", "CLOSED"
FILLED = (ExecType.PARTIAL_FILL, ExecType.FILL)


@dataclass(slots=True)
class Session:
    """The state of a session. Money: 1e-18 of its currency; times: market time in UTC nanoseconds, 0 before the market.

    A session that is opened again begins anew.

    Attributes:
        status: OPEN, CLOSED, or empty if the session was never opened.
        openings: number of times that the session was opened.
        started_ns: time of the opening, or of the first valuation if the market had not begun at the opening.
        cash_flow, positions: sums of fills.
        equity, peak_equity, unrealised_pnl: the account shard's last valuation, made at valued_ns.
        working: ids of orders that the venue has accepted and not ended, in order.
    """

    account_id: str
    session_id: str
    strategy_id: str | None = None
    currency: str = ""
    opening_cash: int = 0
    instruments: str | None = None
    settings_sha256: str | None = None
    code_sha256: str | None = None
    parameters: str | None = None
    status: str = ""
    openings: int = 0
    opened_ns: int = 0
    started_ns: int = 0
    closed_ns: int | None = None
    cash_flow: int = 0
    equity: int = 0
    peak_equity: int = 0
    max_drawdown: int = 0
    unrealised_pnl: int = 0
    borrow_fees: int = 0
    funding: int = 0
    dividends: int = 0
    gross_exposure: int | None = None
    valued_ns: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    working: dict[str, None] = field(default_factory=dict)
    results: int = 0
    orders: int = 0
    rejects: int = 0
    cancel_rejects: int = 0
    fills: int = 0
    breaker_trips: int = 0
    liquidations: int = 0

    @property
    def cash(self) -> int:
        """Opening cash plus the cash flows of fills, funding and dividends, minus borrow fees."""
        return self.opening_cash + self.cash_flow - self.borrow_fees + self.funding + self.dividends

    @property
    def realised_pnl(self) -> int:
        """Realised PnL after commissions."""
        return sum(position.realised_pnl for position in self.positions.values())

    @property
    def commission(self) -> int:
        """Commissions of all fills."""
        return sum(position.commission for position in self.positions.values())

    @property
    def drawdown(self) -> int:
        """Equity minus its peak: 0 or negative."""
        return self.equity - self.peak_equity


def fold_session(account_id: str, session_id: str, events: Iterable[Any]) -> Session:
    """Returns the state after a session's events. events: records of TOPICS, topic after topic in that order.

    Records of other sessions are ignored.
    """
    folding = _SessionFold(account_id, session_id)
    for event in events:
        folding.take(event)
    return folding.end()


class _SessionFold:
    """The session so far, with what separates the records of its last opening from earlier ones."""

    def __init__(self, account_id: str, session_id: str) -> None:
        self.session = Session(account_id, session_id)
        self._asked: dict[str, Control] = {}
        self._opened_at = 0
        self._fills_before = 0
        self._held: dict[str, PositionReport] = {}

    def take(self, event: Any) -> None:
        if (event.account_id, event.session_id) != (self.session.account_id, self.session.session_id):
            return
        match event:
            case Control():
                if event.kind is ControlKind.SESSION_OPEN:
                    self._asked[event.control_id] = event
            case RiskEvent():
                self._on_decision(event)
            case OrderResult():
                self._on_result(event)
            case Fill():
                self._on_fill(event)
            case PositionReport():
                self._held[event.symbol] = event
            case AccountEquity():
                self._on_equity(event)
            case _:
                raise TypeError(f"{type(event).__name__} is no event of a session")

    def _on_decision(self, event: RiskEvent) -> None:
        if event.kind is RiskEventKind.SESSION_OPENED:
            self._open(event, self._asked.get(event.control_id or ""))
        elif event.kind is RiskEventKind.SESSION_CLOSED and self.session.status == OPEN:
            self.session.status, self.session.closed_ns = CLOSED, event.ts
        elif event.kind is RiskEventKind.BREAKER_TRANSITION and event.breaker_state is BreakerState.OPEN:
            self.session.breaker_trips += 1
        elif event.kind is RiskEventKind.LIQUIDATION:
            self.session.liquidations += 1

    def _open(self, event: RiskEvent, asked: Control | None) -> None:
        self._opened_at = _sequence(event.event_id)
        self.session = Session(
            self.session.account_id,
            self.session.session_id,
            status=OPEN,
            openings=self.session.openings + 1,
            opened_ns=event.ts,
            started_ns=event.ts,
        )
        if asked is not None:
            self.session.strategy_id, self.session.currency = asked.strategy_id, asked.currency or ""
            self.session.opening_cash = asked.opening_cash or 0
            self.session.instruments, self.session.settings_sha256 = asked.instruments, asked.settings_sha256
            self.session.code_sha256, self.session.parameters = asked.code_sha256, asked.parameters

    def _on_result(self, result: OrderResult) -> None:
        """Counts a result of the last opening. Results and decisions share one sequence of their shard."""
        if _sequence(result.result_id) < self._opened_at:
            self._fills_before += result.exec_type in FILLED
            return
        session = self.session
        session.results += 1
        if result.poss_resend:
            return
        if result.exec_type is ExecType.NEW:
            session.working[result.order_id] = None
        session.orders += result.exec_type in (ExecType.NEW, ExecType.REJECTED)
        session.rejects += result.exec_type is ExecType.REJECTED
        session.cancel_rejects += result.exec_type is ExecType.CANCEL_REJECT
        if result.terminal:
            session.working.pop(result.order_id, None)

    def _on_fill(self, fill: Fill) -> None:
        if self._fills_before:
            self._fills_before -= 1
            return
        session, buys = self.session, fill.side is Side.BUY
        session.fills += 1
        signed = fill.quantity if buys else -fill.quantity
        notional, commission = converted(fill.notional, fill.fx_rate), converted(fill.commission, fill.fx_rate)
        position = session.positions.setdefault(fill.symbol, Position())
        position.multiplier = fill.contract_multiplier or PRICE_SCALE
        _restate(position, fill.position_qty - signed)
        position.book_notional(signed, notional, commission)
        session.cash_flow -= (notional if buys else -notional) + commission

    def _on_equity(self, record: AccountEquity) -> None:
        session = self.session
        if record.trigger is EquityTrigger.SESSION_OPEN:
            session.peak_equity, session.max_drawdown = record.equity, 0
        session.borrow_fees, session.gross_exposure = record.borrow_fees, record.gross_exposure
        session.funding, session.dividends = record.funding, record.dividends
        session.equity, session.unrealised_pnl, session.valued_ns = record.equity, record.unrealised_pnl, record.ts
        session.peak_equity = max(session.peak_equity, record.equity)
        session.max_drawdown = min(session.max_drawdown, session.drawdown)
        session.started_ns = session.started_ns or record.ts

    def end(self) -> Session:
        """Returns the session. The newest record of a symbol restates splits after its last fill."""
        for symbol, position in self.session.positions.items():
            if symbol in self._held:
                _restate(position, self._held[symbol].quantity)
        return self.session


def _restate(position: Position, quantity: int) -> None:
    """Restates a position by a split, the only reason for a quantity that fills do not explain. The cost stays."""
    if quantity == position.quantity:
        return
    position.quantity = quantity
    if quantity == 0:
        position.gross_realised -= position.cost
        position.cost = 0


def _sequence(ident: str) -> int:
    """Returns the number of a decision or result within its account shard."""
    return int(ident.rpartition("-")[2])
