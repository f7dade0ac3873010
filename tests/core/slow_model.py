"""A slow, obvious model of one account and one venue: whole units, cents, lists scanned anew for each question.

It shares no code with the core. What it says of an order is a Told: the order, what happened, its status after, the
quantity and price of a fill, and how much has executed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple


class Told(NamedTuple):
    """One line of the venue's tape: quantities in units, prices in cents."""

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
    """The venue: a quote of two sides with what is left of their sizes, and orders in their turn."""

    price: dict[str, int] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    """By the side of the order that takes it."""
    orders: list[dict[str, object]] = field(default_factory=list)
    tape: list[Told] = field(default_factory=list)

    def quote(self, bid: int, bid_size: int, ask: int, ask_size: int) -> None:
        """Takes both sides of a quote; a side that has not changed is not refreshed."""
        for side, price, size in (("SELL", bid, bid_size), ("BUY", ask, ask_size)):
            if (price, size) != (self.price.get(side), self.shown.get(side)):
                self.price[side], self.shown[side], self.left[side] = price, size, size
        for order in list(self.orders):
            self._trade(order)

    def arrive(self, ask: Ask) -> None:
        """Takes a request that reaches the venue."""
        if ask.action == "NEW":
            self._open(ask)
            return
        found = [order for order in self.orders if order["id"] == ask.target]
        if not found:
            self.tape.append(Told(str(ask.target), "CANCEL_REJECT", "UNKNOWN"))
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
        self.tape.append(Told(str(order["id"]), *words, quantity, price, executed))

    def _end(self, order: dict[str, object], how: str) -> None:
        self.orders.remove(order)
        self.tape.append(Told(str(order["id"]), how, how, executed=_int(order["executed"])))

    def _say(self, order: dict[str, object], what: str) -> None:
        executed = _int(order["executed"])
        self.tape.append(Told(str(order["id"]), what, "PARTIALLY_FILLED" if executed else "NEW", executed=executed))


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


@dataclass
class Ledger:
    """The knowledge of an account: its approved requests and the tape so far, both read anew each time."""

    position_most: int
    asked: list[Ask] = field(default_factory=list)
    heard: list[Told] = field(default_factory=list)
    state: str = "ACTIVE"
    open: bool = True
    since: int = 0
    """Where in heard the session began."""

    def life(self, order_id: str) -> list[Told]:
        """Returns the tape of one order."""
        return [told for told in self.heard if told.order_id == order_id]

    def working(self) -> list[str]:
        """Returns the orders that have not ended, oldest first."""
        ends = ("FILLED", "CANCELED", "REJECTED", "EXPIRED")
        known = [ask.order_id for ask in self.asked if ask.action == "NEW"]
        return [name for name in known if not any(told.status in ends for told in self.life(name))]

    def order(self, order_id: str) -> Ask:
        """Returns an order with the quantity and price of the replaces that the venue has taken."""
        first = next(ask for ask in self.asked if ask.order_id == order_id)
        taken = [ask for ask, answer in self._replaces(order_id) if answer == "REPLACED"]
        return first._replace(quantity=taken[-1].quantity, price=taken[-1].price) if taken else first

    def pending(self, order_id: str) -> Ask | None:
        """Returns the replace that the venue has not answered."""
        unanswered = [ask for ask, answer in self._replaces(order_id) if answer is None]
        return unanswered[-1] if unanswered else None

    def _replaces(self, order_id: str) -> list[tuple[Ask, str | None]]:
        asks = [ask for ask in self.asked if ask.action == "REPLACE" and ask.target == order_id]
        answers = [told.happened for told in self.life(order_id) if told.happened in ("REPLACED", "CANCEL_REJECT")]
        return [(ask, answers[number] if number < len(answers) else None) for number, ask in enumerate(asks)]

    def open_quantity(self, side: str) -> int:
        """Returns the open quantity of working orders; for a pending replace the larger quantity counts."""
        total = 0
        for name in self.working():
            order, replace = self.order(name), self.pending(name)
            if order.side == side:
                quantity = max(_int(order.quantity), _int(replace.quantity) if replace else 0)
                total += quantity - sum(_int(told.quantity) for told in self.life(name) if told.price is not None)
        return total

    def fills(self) -> list[tuple[int, int]]:
        """Returns signed quantity and price of the session's fills."""
        signs = {ask.order_id: 1 if ask.side == "BUY" else -1 for ask in self.asked if ask.action == "NEW"}
        return [
            (signs[told.order_id] * _int(told.quantity), told.price)
            for told in self.heard[self.since :]
            if told.price is not None
        ]

    def position(self) -> int:
        """Returns the sum of the fills."""
        return sum(quantity for quantity, _ in self.fills())

    def realised(self) -> Fraction:
        """Returns the average-cost PnL of closed quantities, in cents, before fees."""
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
