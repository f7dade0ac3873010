"""Orders that hang together: children that wait for a parent, and groups of which what one executes the others can't.

A child becomes active when its parent has ended with fills, for at most what the parent executed; it is canceled when
the parent ends without any. In a group a fill cuts the others to what the filled order still has open; a complete fill
cancels them. A client's cancel of one leaves the others. (FIX tag 1385 ContingencyType: 2 OTO, 1 OCO; a bracket is a
parent with two children in one group.)
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Self

from streams.core.simulators.venue_order import OrderKey, VenueOrder

REMEMBERED = 1_000
"""Ended orders and groups of a symbol that are remembered for what is still on its way; older ones are forgotten."""

GroupKey = tuple[str, str]
"""account_id and oco_group."""


class LinkedOrders:
    """Who waits for whom in one symbol, and how orders and groups have ended."""

    def __init__(self) -> None:
        self._children: dict[OrderKey, list[OrderKey]] = {}
        self._members: dict[GroupKey, list[OrderKey]] = {}
        self._executed: OrderedDict[OrderKey, int] = OrderedDict()
        """What ended orders had executed."""
        self._left: OrderedDict[GroupKey, int] = OrderedDict()
        """What groups of which an order has traded may still execute."""

    def add(self, order: VenueOrder) -> None:
        """Takes an order that begins to work."""
        request = order.request
        if order.waiting and request.parent_order_id is not None:
            self._children.setdefault((request.account_id, request.parent_order_id), []).append(order.key)
        group = _group(order)
        if group is not None:
            self._members.setdefault(group, []).append(order.key)

    def requeue(self, order: VenueOrder) -> None:
        """The order has lost its place among the working ones, whose order is the order of links after a restart."""
        request = order.request
        family = self._children.get((request.account_id, request.parent_order_id or ""), [])
        group = _group(order)
        for keys in (family, self._members.get(group, []) if group else []):
            if order.key in keys:
                keys.remove(order.key)
                keys.append(order.key)

    def knows(self, account_id: str, order_id: str, working: Mapping[OrderKey, VenueOrder]) -> bool:
        """Whether an order works or has ended lately."""
        return (account_id, order_id) in working or (account_id, order_id) in self._executed

    def executed_parent(self, order: VenueOrder) -> int | None:
        """What the parent of a waiting order had executed when it ended; None while it works."""
        if not order.waiting or order.request.parent_order_id is None:
            return None
        return self._executed.get((order.request.account_id, order.request.parent_order_id))

    def group_left(self, order: VenueOrder) -> int | None:
        """What the order's group may still execute; None where none of it has traded."""
        group = _group(order)
        return None if group is None else self._left.get(group)

    def executed(self, order: VenueOrder, working: Mapping[OrderKey, VenueOrder]) -> list[VenueOrder]:
        """An order has traded: the others of its group."""
        group = _group(order)
        if group is None:
            return []
        _remember(self._left, group, order.leaves)
        members = self._members.get(group, ())
        return [working[key] for key in members if key in working and key != order.key]

    def ended(self, order: VenueOrder, working: Mapping[OrderKey, VenueOrder]) -> list[VenueOrder]:
        """An order has ended: the children that waited for it."""
        _remember(self._executed, order.key, order.cum_quantity)
        group = _group(order)
        if group is not None and group in self._members:
            members = [key for key in self._members[group] if key in working]
            self._members[group] = members
            if not members:
                del self._members[group]
        return [working[key] for key in self._children.pop(order.key, ()) if key in working]

    def to_state(self) -> list[Any]:
        """JSON-able form; who waits for whom is in the orders themselves."""
        return [[[*key, number] for key, number in store.items()] for store in (self._executed, self._left)]

    @classmethod
    def from_state(cls, state: list[Any], working: Iterable[VenueOrder]) -> Self:
        """The links that to_state described, among these working orders."""
        links = cls()
        links._executed, links._left = (OrderedDict(((row[0], row[1]), row[2]) for row in rows) for rows in state)
        for order in working:
            links.add(order)
        return links


def _group(order: VenueOrder) -> GroupKey | None:
    request = order.request
    return None if request.oco_group is None else (request.account_id, request.oco_group)


def _remember(store: OrderedDict[tuple[str, str], int], key: tuple[str, str], number: int) -> None:
    known = len(store)
    store[key] = number
    if len(store) == known:
        store.move_to_end(key)
    elif known >= REMEMBERED:
        store.popitem(last=False)
