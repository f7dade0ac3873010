"""Linked orders of a symbol: children that wait for a parent order, and groups in which a fill cancels the others.

A child becomes active when its parent has ended with fills, for at most the executed quantity; it is canceled if the
parent ends without a fill. In a group, a fill reduces the others to the open quantity of the filled order, and a
complete fill cancels them. A client's cancel of one order leaves the others.

FIX tag 1385 ContingencyType: 2 OTO, 1 OCO; a bracket is a parent with two children in one group.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Self

from streams.core.simulators.venue_order import OrderKey, VenueOrder

REMEMBERED = 1_000
"""Number of ended orders, and of groups, that a symbol remembers for requests that still travel."""

GroupKey = tuple[str, str]
"""account_id and oco_group."""


class LinkedOrders:
    """The links between orders of one symbol, and the results of ended orders and groups."""

    def __init__(self) -> None:
        self._children: dict[OrderKey, list[OrderKey]] = {}
        self._members: dict[GroupKey, list[OrderKey]] = {}
        self._executed: OrderedDict[OrderKey, int] = OrderedDict()
        """Executed quantity of ended orders, 1e-9 units."""
        self._left: OrderedDict[GroupKey, int] = OrderedDict()
        """Quantity that a group may still execute, 1e-9 units; only groups with a fill."""

    def add(self, order: VenueOrder) -> None:
        """Adds an order that begins to work."""
        request = order.request
        if order.waiting and request.parent_order_id is not None:
            self._children.setdefault((request.account_id, request.parent_order_id), []).append(order.key)
        group = _group(order)
        if group is not None:
            self._members.setdefault(group, []).append(order.key)

    def requeue(self, order: VenueOrder) -> None:
        """Moves an order that has lost its time priority behind its siblings, in the order that a restart restores."""
        request = order.request
        family = self._children.get((request.account_id, request.parent_order_id or ""), [])
        group = _group(order)
        for keys in (family, self._members.get(group, []) if group else []):
            if order.key in keys:
                keys.remove(order.key)
                keys.append(order.key)

    def knows(self, account_id: str, order_id: str, working: Mapping[OrderKey, VenueOrder]) -> bool:
        """Returns whether an order is working or has ended lately."""
        return (account_id, order_id) in working or (account_id, order_id) in self._executed

    def executed_parent(self, order: VenueOrder) -> int | None:
        """Returns the quantity that the ended parent of a waiting order executed; None while the parent works."""
        if not order.waiting or order.request.parent_order_id is None:
            return None
        return self._executed.get((order.request.account_id, order.request.parent_order_id))

    def group_left(self, order: VenueOrder) -> int | None:
        """Returns the quantity that the order's group may still execute; None if no order of the group has traded."""
        group = _group(order)
        return None if group is None else self._left.get(group)

    def on_fill(self, order: VenueOrder, working: Mapping[OrderKey, VenueOrder]) -> list[VenueOrder]:
        """Notes a fill of an order; returns the other working orders of its group."""
        group = _group(order)
        if group is None:
            return []
        _remember(self._left, group, order.leaves)
        members = self._members.get(group, ())
        return [working[key] for key in members if key in working and key != order.key]

    def on_end(self, order: VenueOrder, working: Mapping[OrderKey, VenueOrder]) -> list[VenueOrder]:
        """Notes the end of an order; returns the children that waited for it."""
        _remember(self._executed, order.key, order.cum_quantity)
        group = _group(order)
        if group is not None and group in self._members:
            members = [key for key in self._members[group] if key in working]
            self._members[group] = members
            if not members:
                del self._members[group]
        return [working[key] for key in self._children.pop(order.key, ()) if key in working]

    def to_state(self) -> list[Any]:
        """Returns the results as JSON values; the orders themselves hold their links."""
        return [[[*key, number] for key, number in store.items()] for store in (self._executed, self._left)]

    @classmethod
    def from_state(cls, state: list[Any], working: Iterable[VenueOrder]) -> Self:
        """Restores the links of these working orders from to_state."""
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
