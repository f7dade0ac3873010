"""A slow, obvious model of one account and one venue, in whole units and cents; it scans its lists for each answer.

It shares no code with the core. It describes each event of an order as a VenueEvent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple


class VenueEvent(NamedTuple):
    """An event of an order: its status after it, and the fill. Quantities in units, prices in cents."""

    order_id: str
    happened: str
    status: str
    quantity: int | None = None
    price: int | None = None
    executed: int = 0


class Ask(NamedTuple):
    """A request on its way to the venue."""

    action: str
    order_id: str
    target: str | None
    side: str
    quantity: int | None
    price: int | None
    tif: str


@dataclass
class Book:
    """The venue: a quote with the sizes left, and orders by time priority."""

    price: dict[str, int] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    """Size left, by the side of the order that takes it."""
    orders: list[dict[str, object]] = field(default_factory=list)
    events: list[VenueEvent] = field(default_factory=list)

    def quote(self, bid: int, bid_size: int, ask: int, ask_size: int) -> None:
        """Applies a quote; a side with the same price and size is not refreshed."""
        for side, price, size in (("SELL", bid, bid_size), ("BUY", ask, ask_size)):
            if (price, size) != (self.price.get(side), self.shown.get(side)):
                self.price[side], self.shown[side], self.left[side] = price, size, size
        for order in list(self.orders):
            self._trade(order)

    def arrive(self, ask: Ask) -> None:
        """Applies an arriving request."""
        if ask.action == "NEW":
            self._open(ask)
            return
        found = [order for order in self.orders if order["id"] == ask.target]
        if not found:
            self.events.append(VenueEvent(str(ask.target), "CANCEL_REJECT", "UNKNOWN"))
        elif ask.action == "CANCEL":
            self._end(found[0], "CANCELED")
        else:
            self._replace(found[0], ask)

    def _open(self, ask: Ask) -> None:
        order: dict[str, object] = {
            "id": ask.order_id,
            "side": ask.side,
            "quantity": ask.quantity,
            "price": ask.price,
            "executed": 0,
            "rested": False,
        }
        self.orders.append(order)
        self._say(order, "NEW")
        if ask.tif == "FOK" and not (self._reachable(order) and self.left[ask.side] >= _int(ask.quantity)):
            self._end(order, "CANCELED")
            return
        self._trade(order)
        if order not in self.orders:
            return
        if ask.tif in ("IOC", "FOK"):
            self._end(order, "CANCELED")
        elif ask.price is None:
            self._say(order, "RESTATED")
        order["rested"] = ask.price is not None

    def _replace(self, order: dict[str, object], ask: Ask) -> None:
        quantity = _int(ask.quantity)
        if quantity <= _int(order["executed"]):
            self._say(order, "CANCEL_REJECT")
            return
        if ask.price != order["price"] or quantity > _int(order["quantity"]):
            self.orders.remove(order)
            self.orders.append(order)
            order["rested"] = False
        order["quantity"], order["price"] = quantity, ask.price
        self._say(order, "REPLACED")
        self._trade(order)
        order["rested"] = ask.price is not None

    def _reachable(self, order: dict[str, object]) -> bool:
        side, limit = str(order["side"]), order["price"]
        if limit is None:
            return True
        return self.price[side] <= _int(limit) if side == "BUY" else self.price[side] >= _int(limit)

    def _trade(self, order: dict[str, object]) -> None:
        side = str(order["side"])
        quantity = min(_int(order["quantity"]) - _int(order["executed"]), self.left[side])
        if quantity == 0 or not self._reachable(order):
            return
        self.left[side] -= quantity
        order["executed"] = _int(order["executed"]) + quantity
        price = _int(order["price"]) if order["rested"] else self.price[side]
        done = order["executed"] == order["quantity"]
        if done:
            self.orders.remove(order)
        executed = _int(order["executed"])
        words = ("FILL", "FILLED") if done else ("PARTIAL_FILL", "PARTIALLY_FILLED")
        self.events.append(VenueEvent(str(order["id"]), *words, quantity, price, executed))

    def _end(self, order: dict[str, object], how: str) -> None:
        self.orders.remove(order)
        self.events.append(VenueEvent(str(order["id"]), how, how, executed=_int(order["executed"])))

    def _say(self, order: dict[str, object], what: str) -> None:
        executed = _int(order["executed"])
        self.events.append(
            VenueEvent(str(order["id"]), what, "PARTIALLY_FILLED" if executed else "NEW", executed=executed)
        )


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


@dataclass
class Ledger:
    """The account: its approved requests and the venue events that it has received, read again for each answer."""

    position_most: int
    asked: list[Ask] = field(default_factory=list)
    heard: list[VenueEvent] = field(default_factory=list)
    state: str = "ACTIVE"
    open: bool = True
    since: int = 0
    """Index in heard at which the session began."""

    def life(self, order_id: str) -> list[VenueEvent]:
        """Returns the events of an order."""
        return [event for event in self.heard if event.order_id == order_id]

    def working(self) -> list[str]:
        """Returns the orders without an end, oldest first."""
        ends = ("FILLED", "CANCELED", "REJECTED", "EXPIRED")
        known = [ask.order_id for ask in self.asked if ask.action == "NEW"]
        return [name for name in known if not any(event.status in ends for event in self.life(name))]

    def order(self, order_id: str) -> Ask:
        """Returns an order with the quantity and price of its last accepted replace."""
        first = next(ask for ask in self.asked if ask.order_id == order_id)
        taken = [ask for ask, answer in self._replaces(order_id) if answer == "REPLACED"]
        return first._replace(quantity=taken[-1].quantity, price=taken[-1].price) if taken else first

    def pending(self, order_id: str) -> Ask | None:
        """Returns the replace that the venue has not answered."""
        unanswered = [ask for ask, answer in self._replaces(order_id) if answer is None]
        return unanswered[-1] if unanswered else None

    def _replaces(self, order_id: str) -> list[tuple[Ask, str | None]]:
        asks = [ask for ask in self.asked if ask.action == "REPLACE" and ask.target == order_id]
        answers = [event.happened for event in self.life(order_id) if event.happened in ("REPLACED", "CANCEL_REJECT")]
        return [(ask, answers[number] if number < len(answers) else None) for number, ask in enumerate(asks)]

    def open_quantity(self, side: str) -> int:
        """Returns the open quantity of working orders; the larger quantity counts while a replace is pending."""
        total = 0
        for name in self.working():
            order, replace = self.order(name), self.pending(name)
            if order.side == side:
                quantity = max(_int(order.quantity), _int(replace.quantity) if replace else 0)
                total += quantity - sum(_int(event.quantity) for event in self.life(name) if event.price is not None)
        return total

    def fills(self) -> list[tuple[int, int]]:
        """Returns signed quantity and price of the session's fills."""
        signs = {ask.order_id: 1 if ask.side == "BUY" else -1 for ask in self.asked if ask.action == "NEW"}
        return [
            (signs[event.order_id] * _int(event.quantity), event.price)
            for event in self.heard[self.since :]
            if event.price is not None
        ]

    def position(self) -> int:
        """Returns the sum of the fills."""
        return sum(quantity for quantity, _ in self.fills())

    def realised(self) -> Fraction:
        """Returns the realised PnL at average cost, in cents, before fees."""
        held, average, realised = 0, Fraction(0), Fraction(0)
        for quantity, price in self.fills():
            for sign in [1 if quantity > 0 else -1] * abs(quantity):
                if held * sign >= 0:
                    average = (average * abs(held) + price) / (abs(held) + 1)
                else:
                    realised += -sign * (price - average)
                held += sign
        return realised

    def refusal(self, side: str, added: int) -> str | None:
        """Returns the control that refuses more open quantity on a side."""
        direction = 1 if side == "BUY" else -1
        reached = direction * self.position() + self.open_quantity(side) + added
        if self.state == "HALTED":
            return "TRADING_HALTED"
        if self.state == "REDUCING" and self.open_quantity(side) + added > max(0, -direction * self.position()):
            return "REDUCE_ONLY"
        return "MAX_POSITION" if reached > self.position_most else None
