"""The ledger of an account: cash, positions, working orders and clock. Controls read it; the shard writes it."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from schemas.records.enums import Side, TradingMode
from schemas.records.messages import OrderRequest
from streams.core.ledger.position import Position
from streams.core.ledger.working_order import SideOrders, WorkingOrder


class SeenIds:
    """The newest order ids of an account, bounded by count; older ones are forgotten."""

    def __init__(self, limit: int, ids: list[str] | None = None) -> None:
        self.limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict.fromkeys(ids or [])

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._ids

    def add(self, order_id: str) -> None:
        """Remembers an id and forgets the oldest beyond the limit."""
        self._ids[order_id] = None
        while len(self._ids) > self.limit:
            self._ids.popitem(last=False)

    def to_state(self) -> list[str]:
        """Returns the ids, oldest first."""
        return list(self._ids)


@dataclass(slots=True)
class Ledger:
    """Cash, positions, working orders and clock of one account.

    cash: 1e-18 of the currency. clock_ns: UTC nanoseconds; see advance. working: by order id; orders are added and
    removed by methods, and recounted or repriced after a change. live_symbols: symbols whose newest order is LIVE.
    """

    account_id: str
    currency: str
    cash: int
    seen: SeenIds
    clock_ns: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    working: dict[str, WorkingOrder] = field(default_factory=dict)
    live_symbols: dict[str, None] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)
    """Symbols whose exposure must be worked out again, because their working orders changed or it never was."""
    reduce_only_orders: int = 0
    """Number of working orders that are reduce-only."""
    _groups: dict[str, list[WorkingOrder]] = field(default_factory=dict)
    _buys: dict[str, SideOrders] = field(default_factory=dict)
    _sells: dict[str, SideOrders] = field(default_factory=dict)
    """By symbol."""

    def __post_init__(self) -> None:
        self.touched.update(dict.fromkeys(self.positions))

    def advance(self, time_ns: int) -> int:
        """Moves the clock to the shard's time, and returns the clock; it never steps back (decision 15)."""
        if time_ns > self.clock_ns:
            self.clock_ns = time_ns
        return self.clock_ns

    def position_quantity(self, symbol: str) -> int:
        """Returns the signed position, 1e-9 units."""
        position = self.positions.get(symbol)
        return position.quantity if position else 0

    def has_exposure(self) -> bool:
        """Returns whether any position is open."""
        return any(position.quantity for position in self.positions.values())

    def symbols(self) -> list[str]:
        """Returns the symbols with a position or working orders."""
        return list(dict.fromkeys([*self.positions, *self._buys, *self._sells]))

    def mode_in(self, symbol: str) -> TradingMode:
        """Returns the mode of the account's position and working orders in a symbol."""
        return TradingMode.LIVE if symbol in self.live_symbols else TradingMode.PAPER

    def working_leaves(self, symbol: str, side: Side) -> int:
        """Returns the open quantity of a symbol and side, 1e-9 units; a group counts with its largest order."""
        orders = self._of_side(side).get(symbol)
        return 0 if orders is None else orders.leaves

    def orders_of(self, symbol: str, side: Side) -> Collection[WorkingOrder]:
        """Returns the working orders of a symbol and side, oldest first."""
        orders = self._of_side(side).get(symbol)
        return () if orders is None else orders.by_id.values()

    def orders_in(self, symbol: str) -> list[WorkingOrder]:
        """Returns the working orders of a symbol, buys first."""
        return [*self.orders_of(symbol, Side.BUY), *self.orders_of(symbol, Side.SELL)]

    def best_limit(self, symbol: str, side: Side) -> int | None:
        """Returns the best limit price of the working orders of a symbol and side, 1e-9; None if there is none."""
        orders = self._of_side(side).get(symbol)
        return None if orders is None else orders.best_limit()

    def highest_asked_price(self, symbol: str) -> int:
        """Returns the highest limit or stop price of the working orders of a symbol, 1e-9; 0 if they have none."""
        return max(
            (
                order.price or order.stop_price or 0
                for side in (Side.BUY, Side.SELL)
                for order in self.orders_of(symbol, side)
            ),
            default=0,
        )

    def group(self, name: str) -> list[WorkingOrder]:
        """Returns the working orders of an OCO group: if one of them executes, the others lose that quantity."""
        return list(self._groups.get(name, ()))

    def add_order(self, order: WorkingOrder) -> None:
        """Adds an approved order."""
        before = self.counted(order)
        self.working[order.order_id] = order
        if order.request.mode is TradingMode.LIVE:
            self.live_symbols[order.symbol] = None
        elif self.live_symbols:
            self.live_symbols.pop(order.symbol, None)
        side = self._of_side(order.side)
        orders = side.get(order.symbol)
        if orders is None:
            orders = side[order.symbol] = SideOrders()
        orders.by_id[order.order_id] = order
        orders.note_limit(order)
        self.reduce_only_orders += order.request.reduce_only
        if order.request.oco_group is not None:
            self._groups.setdefault(order.request.oco_group, []).append(order)
        self._add_leaves(order, self.counted(order) - before)

    def remove_order(self, order: WorkingOrder) -> None:
        """Removes an order that has ended."""
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

    def counted(self, order: WorkingOrder) -> int:
        """Returns the open quantity of an order or of its group on its side: as much as the group can execute."""
        group = order.request.oco_group
        if group is None:
            return order.leaves if order.order_id in self.working else 0
        members = self._groups.get(group, ())
        return max((member.leaves for member in members if member.side is order.side), default=0)

    def recount(self, order: WorkingOrder, before: int) -> None:
        """Counts an order again after its quantities changed. before: its counted() until then."""
        self._add_leaves(order, self.counted(order) - before)

    def reprice(self, order: WorkingOrder) -> None:
        """Takes in the changed limit price of an order."""
        self._of_side(order.side)[order.symbol].note_limit(order)

    def added_leaves(self, request: OrderRequest, quantity: int) -> int:
        """Returns the quantity that a new order would add to the open quantity of its side."""
        members = self._groups.get(request.oco_group or "", ())
        counted = max((member.leaves for member in members if member.side is request.side), default=0)
        return max(quantity - counted, 0)

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
        self.touched[order.symbol] = None
