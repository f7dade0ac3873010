"""Orders by the price of the market that reaches them, in an order that makes the nearest ones cheap to find."""

from bisect import bisect_left, insort

from streams.core.simulators.venue_order import OrderKey, VenueOrder


class PriceIndex:
    """The orders that a falling market reaches, or those that a rising one does. Prices: 1e-9.

    A falling market reaches an order at its price or below, a rising one at its price or above.
    """

    def __init__(self, falling: bool) -> None:
        self._falling = falling
        self._keys: list[int] = []
        """The prices, negative in a rising market: the market reaches the last one first."""
        self._orders: dict[int, dict[OrderKey, VenueOrder]] = {}

    @property
    def nearest(self) -> int | None:
        """The price that the market reaches first; None if there are no orders."""
        if not self._keys:
            return None
        return self._keys[-1] if self._falling else -self._keys[-1]

    def add(self, price: int, order: VenueOrder) -> None:
        """Adds an order."""
        key = price if self._falling else -price
        found = self._orders.get(key)
        if found is None:
            insort(self._keys, key)
            found = self._orders[key] = {}
        found[order.key] = order

    def remove(self, price: int, order: VenueOrder) -> None:
        """Removes an order that was added with this price."""
        key = price if self._falling else -price
        found = self._orders[key]
        del found[order.key]
        if not found:
            del self._orders[key]
            del self._keys[bisect_left(self._keys, key)]

    def reached(self, price: int | None, found: list[VenueOrder]) -> None:
        """Appends the orders that a market at a price reaches; None reaches none."""
        if price is None or not self._keys:
            return
        limit, at = price if self._falling else -price, len(self._keys) - 1
        while at >= 0 and self._keys[at] >= limit:
            found.extend(self._orders[self._keys[at]].values())
            at -= 1
