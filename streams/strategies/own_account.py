"""An account as its strategy sees it: positions, orders and cash, carried on by its results."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from schemas.records.enums import Action, ExecType, OrderType, OrdStatus, Side, TimeInForce
from schemas.records.messages import OrderRequest, OrderResult
from schemas.records.numbers import money_to_decimal, price_to_decimal
from streams.core.reference.instruments import Instrument, multiplied

ANSWERS = frozenset({ExecType.CANCEL_REJECT, ExecType.MASS_CANCEL})
"""Results that answer a request and change no order."""


class OwnOrder(NamedTuple):
    """An order and what became of it.

    Attributes:
        status: PENDING_NEW until the first result.
        event: event of the newest result; UNKNOWN until the first one. CANCEL_REJECT: a change of it was refused.
        code, text: reason of that result, if it has one.
        terminal: the order has ended.
    """

    order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    filled: Decimal = Decimal(0)
    status: OrdStatus = OrdStatus.PENDING_NEW
    event: ExecType = ExecType.UNKNOWN
    code: str | None = None
    text: str | None = None
    terminal: bool = False

    @property
    def open_quantity(self) -> Decimal:
        """Units that are not filled; 0 if the order has ended."""
        return Decimal(0) if self.terminal else self.quantity - self.filled


class FillEvent(NamedTuple):
    """A fill of an order. quantity: units. price, commission: in the currency. ts: UTC nanoseconds."""

    order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    commission: Decimal
    ts: int


class OwnAccount:
    """A strategy's account.

    Attributes:
        working: orders that have not ended, by id.
        positions: 1e-9 units by symbol, negative if short.
        cash: 1e-18 of the account's currency; None if it is unknown. Fees of borrowing and payments of the market are
            not in it.
    """

    def __init__(self, cash: int | None = None, instruments: Mapping[str, Instrument] | None = None) -> None:
        """instruments: by symbol, whose contract multipliers count; a symbol without one counts as units."""
        self.working: dict[str, OwnOrder] = {}
        self.positions: dict[str, int] = {}
        self.cash = cash
        self._instruments = instruments or {}

    def position(self, symbol: str) -> Decimal:
        """Returns the position in units, negative if short."""
        return price_to_decimal(self.positions.get(symbol, 0))

    def sent(self, requests: Iterable[OrderRequest]) -> None:
        """Notes new orders that are on their way."""
        for request in requests:
            if request.action is Action.NEW:
                self.working[request.order_id] = _state_of(request)

    def split(self, symbol: str, to: int, of: int) -> None:
        """Restates a position by a split; fractions are cut off, as the account does."""
        before = self.positions.get(symbol, 0)
        shares = abs(before) * to // of
        self.positions[symbol] = shares if before > 0 else -shares

    def settle(self, symbol: str, price: int) -> None:
        """Closes a position at a settlement price, 1e-9."""
        quantity = self.positions.pop(symbol, 0)
        if self.cash is not None:
            self.cash += quantity * price

    def add(self, result: OrderResult) -> tuple[OwnOrder | None, FillEvent | None]:
        """Adds a result. Returns the order as it is now, and the result's fill. An answer given again adds nothing."""
        if result.poss_resend:
            return None, None
        fill = self._book(result)
        return self.note(result), fill

    def pay(self, result: OrderResult) -> None:
        """Takes the price and the commission of a fill from the cash, or adds what a sale brings."""
        if self.cash is not None and result.last_qty is not None and result.last_px is not None:
            instrument, value = self._instruments.get(result.symbol), result.last_qty * result.last_px
            if instrument is not None:
                value = multiplied(value, instrument.contract_multiplier)
            self.cash -= (value if result.side is Side.BUY else -value) + (result.commission or 0)

    def _book(self, result: OrderResult) -> FillEvent | None:
        quantity, price = result.last_qty, result.last_px
        if quantity is None or price is None:
            return None
        direction = 1 if result.side is Side.BUY else -1
        self.positions[result.symbol] = self.positions.get(result.symbol, 0) + direction * quantity
        self.pay(result)
        return FillEvent(
            result.order_id,
            result.symbol,
            result.side,
            price_to_decimal(quantity),
            price_to_decimal(price),
            money_to_decimal(result.commission or 0),
            result.ts,
        )

    def note(self, result: OrderResult) -> OwnOrder | None:
        """Brings an order to the state that a result tells, and returns it; None if it has ended before.

        An order that another has sent for the account is adopted. The refusal of an id that was used before ends an
        order that has no result yet; else the id is that of an order which lives on.
        """
        order = self.working.get(result.order_id) or _adopted(result)
        if order is None:
            return None
        changed = order._replace(event=result.exec_type, code=result.reason_code, text=result.text)
        if result.exec_type in ANSWERS:
            pass
        elif result.ord_status is OrdStatus.REJECTED and not result.terminal:
            if order.event is ExecType.UNKNOWN:
                changed = changed._replace(status=OrdStatus.REJECTED, terminal=True)
        else:
            changed = changed._replace(
                symbol=result.symbol,
                side=result.side,
                order_type=result.order_type,
                time_in_force=result.time_in_force,
                quantity=order.quantity if result.order_qty is None else price_to_decimal(result.order_qty),
                price=order.price if result.price is None else price_to_decimal(result.price),
                stop_price=order.stop_price if result.stop_price is None else price_to_decimal(result.stop_price),
                filled=price_to_decimal(result.cum_qty),
                status=result.ord_status,
                terminal=result.terminal,
            )
        if changed.terminal:
            self.working.pop(result.order_id, None)
        else:
            self.working[result.order_id] = changed
        return changed


def _adopted(result: OrderResult) -> OwnOrder | None:
    """Returns the order of a result, if it is one that works."""
    if result.terminal or result.exec_type in ANSWERS or result.ord_status is OrdStatus.REJECTED:
        return None
    return _own_order(result, result.order_qty)


def _state_of(request: OrderRequest) -> OwnOrder:
    return _own_order(request, request.quantity)


def _own_order(record: OrderResult | OrderRequest, quantity: int | None) -> OwnOrder:
    return OwnOrder(
        record.order_id,
        record.symbol,
        record.side,
        record.order_type,
        record.time_in_force,
        price_to_decimal(quantity or 0),
        None if record.price is None else price_to_decimal(record.price),
        None if record.stop_price is None else price_to_decimal(record.stop_price),
    )
