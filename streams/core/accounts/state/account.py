"""One account of an account shard: session, cash, positions, working orders."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Self

from schemas.records.enums import OrderType, OrdStatus, Side, TradingMode, TradingState
from schemas.records.from_list import record_of
from schemas.records.messages import OrderRequest
from schemas.records.output import State
from streams.core.accounts.state.first_answers import Answers
from streams.core.ledger.exposure import Exposures
from streams.core.ledger.position import Position
from streams.core.ledger.side_orders import SideOrders
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.limits import RiskLimits
from streams.core.risk.memory import Memory

IN_BOOK_AT_ONCE = (OrderType.LIMIT, OrderType.MARKET)


@dataclass(slots=True)
class WorkingOrder:
    """An approved order that has no terminal result yet.

    request: as the client asked for it. quantity, cum_quantity: 1e-9 units. replace_quantity: total quantity of a
    replace that the venue has not answered; until then the larger of the two counts against the limits. waiting: its
    parent has not executed yet. triggered: the market has come to its stop price.
    """

    request: OrderRequest
    quantity: int
    price: int | None
    stop_price: int | None = None
    cum_quantity: int = 0
    status: OrdStatus = OrdStatus.PENDING_NEW
    replace_quantity: int | None = None
    waiting: bool = False
    triggered: bool = False

    @property
    def order_id(self) -> str:
        """Id within the account."""
        return self.request.order_id

    @property
    def symbol(self) -> str:
        """Instrument."""
        return self.request.symbol

    @property
    def side(self) -> Side:
        """FIX tag 54."""
        return self.request.side

    @property
    def leaves(self) -> int:
        """Quantity that may still execute, 1e-9 units."""
        return max(self.quantity, self.replace_quantity or 0) - self.cum_quantity

    @property
    def in_book(self) -> bool:
        """Whether it may trade now: it waits neither for a parent nor for its stop price."""
        return not self.waiting and (self.triggered or self.request.order_type in IN_BOOK_AT_ONCE)

    def to_state(self) -> list[Any]:
        """JSON-able form."""
        return [list(self.request), *(getattr(self, name) for name in list(self.__dataclass_fields__)[1:])]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """The order that to_state described."""
        fields = dict(zip(list(cls.__dataclass_fields__)[1:], state[1:], strict=True))
        return cls(record_of(OrderRequest, state[0]), **(fields | {"status": OrdStatus(fields["status"])}))


class SeenIds:
    """The newest order ids of an account, bounded by count; older ones are forgotten."""

    def __init__(self, limit: int, ids: list[str] | None = None) -> None:
        self.limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict.fromkeys(ids or [])

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._ids

    def add(self, order_id: str) -> None:
        """Remembers an id, forgetting the oldest beyond the limit."""
        self._ids[order_id] = None
        while len(self._ids) > self.limit:
            self._ids.popitem(last=False)

    def to_state(self) -> list[str]:
        """JSON-able form, oldest first."""
        return list(self._ids)


@dataclass(slots=True)
class Account:
    """cash, peak_equity, opening_cash: 1e-18 of the currency. clock_ns: see streams.core.ledger.account_clock."""

    account_id: str
    session_id: str
    strategy_id: str | None
    currency: str
    opening_cash: int
    limits: RiskLimits
    seen: SeenIds
    answers: Answers
    memory: Memory
    cash: int
    peak_equity: int
    clock_ns: int = 0
    session_open: bool = True
    trading_state: TradingState = TradingState.ACTIVE
    """As operators set it."""
    instruments: tuple[str, ...] = ()
    """Symbols that the session trades; empty: all."""
    settings_sha256: str | None = None
    opened_ns: int = 0
    closed_ns: int | None = None
    breakers: BreakerSet = field(default_factory=BreakerSet)
    trip_starts: dict[str, int] = field(default_factory=dict)
    """By symbol: realised PnL at which the round trip that is under way, or comes next, began, 1e-18."""
    flattening: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By symbol: what asked to close it, and how many closing orders were sent."""
    live_symbols: dict[str, None] = field(default_factory=dict)
    """Symbols whose newest order is LIVE: with streams.core.accounts.live_orders also what is held in them."""
    positions: dict[str, Position] = field(default_factory=dict)
    working: dict[str, WorkingOrder] = field(default_factory=dict)
    """By order id; added and removed through methods, and recounted or repriced after a change."""
    exposures: Exposures = field(default_factory=Exposures)
    reduce_only_orders: int = 0
    """How many of the working orders are reduce-only."""
    _groups: dict[str, list[WorkingOrder]] = field(default_factory=dict)
    _buys: dict[str, SideOrders] = field(default_factory=dict)
    _sells: dict[str, SideOrders] = field(default_factory=dict)
    """By symbol."""

    def __post_init__(self) -> None:
        self.exposures.touched.update(dict.fromkeys(self.positions))

    def working_leaves(self, symbol: str, side: Side) -> int:
        """Open quantity of the account's working orders in a symbol and side, 1e-9 units; of a group the largest."""
        orders = self._of_side(side).get(symbol)
        return 0 if orders is None else orders.leaves

    def orders_of(self, symbol: str, side: Side) -> Collection[WorkingOrder]:
        """Working orders in a symbol and side, oldest first."""
        orders = self._of_side(side).get(symbol)
        return () if orders is None else orders.by_id.values()

    def best_limit(self, symbol: str, side: Side) -> int | None:
        """The best limit price among the working orders of a symbol and side, 1e-9; None where none has one."""
        orders = self._of_side(side).get(symbol)
        return None if orders is None else orders.best_limit()

    def orders_in(self, symbol: str) -> list[WorkingOrder]:
        """Working orders in a symbol, buys first."""
        return [*self.orders_of(symbol, Side.BUY), *self.orders_of(symbol, Side.SELL)]

    def symbols(self) -> list[str]:
        """Symbols with a position or working orders."""
        return list(dict.fromkeys([*self.positions, *self._buys, *self._sells]))

    def add_order(self, order: WorkingOrder) -> None:
        """Takes an order among the working ones."""
        before = self.counted(order)
        self.working[order.order_id] = order
        if order.request.mode is TradingMode.LIVE:
            self.live_symbols[order.symbol] = None
        elif self.live_symbols:
            self.live_symbols.pop(order.symbol, None)
        orders = self._of_side(order.side).setdefault(order.symbol, SideOrders())
        orders.by_id[order.order_id] = order
        orders.note_limit(order)
        self.reduce_only_orders += order.request.reduce_only
        if order.request.oco_group is not None:
            self._groups.setdefault(order.request.oco_group, []).append(order)
        self._add_leaves(order, self.counted(order) - before)

    def counted(self, order: WorkingOrder) -> int:
        """Open quantity of an order, or of its group on its side: as much as the group can execute."""
        group = order.request.oco_group
        if group is None:
            return order.leaves if order.order_id in self.working else 0
        members = self._groups.get(group, ())
        return max((member.leaves for member in members if member.side is order.side), default=0)

    def recount(self, order: WorkingOrder, before: int) -> None:
        """After a change of an order's quantities. before: what counted then."""
        self._add_leaves(order, self.counted(order) - before)

    def reprice(self, order: WorkingOrder) -> None:
        """After a change of an order's limit price."""
        self._of_side(order.side)[order.symbol].note_limit(order)

    def remove_order(self, order: WorkingOrder) -> None:
        """Takes an order out of the working ones."""
        before = self.counted(order)
        del self.working[order.order_id]
        del self._of_side(order.side)[order.symbol].by_id[order.order_id]
        self.reduce_only_orders -= order.request.reduce_only
        group = order.request.oco_group
        if group is not None:
            self._groups[group].remove(order)
            if not self._groups[group]:
                del self._groups[group]
        self._add_leaves(order, self.counted(order) - before)

    def added_leaves(self, request: OrderRequest, quantity: int) -> int:
        """What a new order would add to the open quantity of its side."""
        members = self._groups.get(request.oco_group or "", ())
        counted = max((member.leaves for member in members if member.side is request.side), default=0)
        return max(quantity - counted, 0)

    def group(self, name: str) -> list[WorkingOrder]:
        """Working orders of a group of which what one executes the others can't."""
        return list(self._groups.get(name, ()))

    def _of_side(self, side: Side) -> dict[str, SideOrders]:
        return self._buys if side is Side.BUY else self._sells

    def _add_leaves(self, order: WorkingOrder, quantity: int) -> None:
        side = self._of_side(order.side)
        orders = side[order.symbol]
        orders.leaves += quantity
        assert orders.leaves >= 0, "open quantity is never negative"
        assert orders.by_id or not orders.leaves, "without orders nothing is open"
        if not orders.by_id:
            del side[order.symbol]
        self.exposures.touched[order.symbol] = None

    def mode_in(self, symbol: str) -> TradingMode:
        """Whether what the account holds and works in a symbol is live."""
        return TradingMode.LIVE if symbol in self.live_symbols else TradingMode.PAPER

    def strategy_of(self, request: OrderRequest) -> str | None:
        """Strategy of an order: as it says, else the session's."""
        return request.strategy_id or self.strategy_id

    def position_quantity(self, symbol: str) -> int:
        """Signed position, 1e-9 units."""
        position = self.positions.get(symbol)
        return position.quantity if position else 0

    def has_exposure(self) -> bool:
        """Whether any position is open."""
        return any(position.quantity for position in self.positions.values())

    def to_state(self) -> State:
        """JSON-able form."""
        return {
            "account_id": self.account_id,
            "session_id": self.session_id,
            "strategy_id": self.strategy_id,
            "currency": self.currency,
            "opening_cash": self.opening_cash,
            "limits": self.limits.to_state(),
            "seen": self.seen.to_state(),
            "answers": self.answers.to_state(),
            "memory": self.memory.to_state(),
            "cash": self.cash,
            "peak_equity": self.peak_equity,
            "clock_ns": self.clock_ns,
            "session_open": self.session_open,
            "trading_state": self.trading_state,
            "instruments": list(self.instruments),
            "settings_sha256": self.settings_sha256,
            "opened_ns": self.opened_ns,
            "closed_ns": self.closed_ns,
            "breakers": self.breakers.to_state(),
            "trip_starts": self.trip_starts,
            "flattening": {symbol: list(item) for symbol, item in self.flattening.items()},
            "live_symbols": list(self.live_symbols),
            "positions": {
                symbol: [item.quantity, item.cost, item.gross_realised, item.commission, item.borrow_fees]
                for symbol, item in self.positions.items()
            },
            "working": [order.to_state() for order in self.working.values()],
        }

    @classmethod
    def from_state(cls, state: State, seen_limit: int, answers_limit: int) -> Self:
        """The account that to_state described."""
        account = cls(
            account_id=state["account_id"],
            session_id=state["session_id"],
            strategy_id=state["strategy_id"],
            currency=state["currency"],
            opening_cash=state["opening_cash"],
            limits=RiskLimits.from_state(state["limits"]),
            seen=SeenIds(seen_limit, state["seen"]),
            answers=Answers(answers_limit, state["answers"]),
            memory=Memory.from_state(state["memory"]),
            cash=state["cash"],
            peak_equity=state["peak_equity"],
            clock_ns=state["clock_ns"],
            session_open=state["session_open"],
            trading_state=TradingState(state["trading_state"]),
            instruments=tuple(state.get("instruments", ())),
            settings_sha256=state.get("settings_sha256"),
            opened_ns=state.get("opened_ns", 0),
            closed_ns=state.get("closed_ns"),
            breakers=BreakerSet.from_state(state["opening_cash"], state.get("breakers", [])),
            trip_starts=dict(state.get("trip_starts", {})),
            flattening={symbol: (item[0], item[1]) for symbol, item in state.get("flattening", {}).items()},
            live_symbols=dict.fromkeys(state.get("live_symbols", ())),
            positions={symbol: Position(*item) for symbol, item in state["positions"].items()},
        )
        for item in state["working"]:
            account.add_order(WorkingOrder.from_state(item))
        return account
