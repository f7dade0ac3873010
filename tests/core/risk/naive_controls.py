"""A naive model of the controls: every window, ratio and exposure worked out anew from the full history of the story.

It knows what was sent and what came out, and shares no code with the core. Quantities are units, money is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from schemas.records.enums import Action, ResultSource, Side
from schemas.records.messages import ApprovedOrder, Fill, OrderRequest, OrderResult
from schemas.records.output import Output

SCALE = 10**9
DAY_NS = 24 * 3600 * SCALE


class Judged(NamedTuple):
    """A number that a control observes. The order is refused if it raises the number above the limit."""

    code: str
    observed: Fraction
    limit: Fraction
    raises: bool = True
    by_symbol: bool = True
    shown: tuple[Fraction, Fraction] | None = None
    """Limit and observed value as a refusal names them, where it does not name these."""


class Sent(NamedTuple):
    """A request and the account's clock when it came."""

    at: int
    request: OrderRequest
    symbol: str


@dataclass
class Order:
    """A working order as the account knows it."""

    symbol: str
    side: Side
    quantity: Fraction
    executed: Fraction = Fraction(0)
    pending: Fraction = Fraction(0)

    @property
    def leaves(self) -> Fraction:
        return max(self.quantity, self.pending) - self.executed


@dataclass
class Naive:
    """A model of one account. limits: a document, each limit with its parameters. margin: rates by symbol."""

    limits: dict[str, dict[str, Any]]
    cash: Fraction
    margin: dict[str, Fraction]
    soft: Fraction = Fraction(4, 5)
    market_ns: int = 0
    quotes: dict[str, Fraction] = field(default_factory=dict)
    """Middle by symbol."""
    sent: list[Sent] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    fill_times: list[int] = field(default_factory=list)
    warned: set[tuple[str, str]] = field(default_factory=set)

    def clock(self, ts: int | None = None) -> int:
        """Returns the account's clock after an event now, or after a request with ts."""
        now = self.market_ns if ts is None or not 0 <= ts - self.market_ns <= DAY_NS else ts
        return max([now, *(item.at for item in self.sent), *self.fill_times])

    def hear(self, outputs: list[Output]) -> None:
        """Takes the outputs of the shards."""
        for output in outputs:
            if isinstance(output.message, Fill):
                self.fill_times.append(self.clock())
        self.outputs += outputs

    def orders(self) -> dict[str, Order]:
        """Returns the working orders, from all outputs."""
        found: dict[str, Order] = {}
        for output in self.outputs:
            message = output.message
            if isinstance(message, ApprovedOrder):
                if message.action is Action.NEW:
                    found[message.order_id] = Order(message.symbol, message.side, units(message.quantity))
                elif message.action is Action.REPLACE:
                    found[message.orig_order_id or ""].pending = units(message.quantity)
            elif isinstance(message, OrderResult) and message.source is ResultSource.EXECUTION:
                order = found.get(message.order_id)
                if order is None:
                    continue
                order.executed = units(message.cum_qty)
                if message.exec_type in ("REPLACED", "CANCEL_REJECT"):
                    order.pending = Fraction(0)
                if message.exec_type == "REPLACED":
                    order.quantity = units(message.order_qty)
                if message.terminal:
                    del found[message.order_id]
        return found

    def fills(self) -> list[Fill]:
        return [output.message for output in self.outputs if isinstance(output.message, Fill)]

    def position(self, symbol: str) -> Fraction:
        return sum(
            (units(fill.quantity) * sign(fill.side) for fill in self.fills() if fill.symbol == symbol), Fraction(0)
        )

    def equity(self) -> Fraction:
        spent = sum((units(fill.quantity) * units(fill.price) * sign(fill.side) for fill in self.fills()), Fraction(0))
        held = sum((self.position(symbol) * price for symbol, price in self.quotes.items()), Fraction(0))
        return self.cash - spent + held

    def worth(self) -> tuple[list[Fraction], list[Fraction]]:
        """Returns the signed value of each position, and the gross exposure of each symbol."""
        orders = self.orders()
        positions = [self.position(symbol) * price for symbol, price in self.quotes.items()]
        return positions, [self._exposure(orders, symbol, Side.BUY, Fraction(0))[0] for symbol in self.quotes]

    def in_window(self, times: list[int], now: int, window_ms: int) -> int:
        return sum(at > now - window_ms * 10**6 for at in times)

    def judged(self, request: OrderRequest, target: str | None) -> Iterator[Judged]:
        """Returns what the controls observe of a request, in their order."""
        orders, now = self.orders(), self.clock(request.ts)
        replaced = orders[target] if target is not None else None
        symbol, side = (replaced.symbol, replaced.side) if replaced else (request.symbol, request.side)
        quantity = units(request.quantity) if request.quantity is not None or replaced is None else replaced.quantity
        added = max(quantity - replaced.quantity, Fraction(0)) if replaced else quantity
        yield from self._rates(symbol, now)
        yield Judged("MAX_ORDER_QUANTITY", quantity, self._limit("max_order_quantity"))
        if replaced is None:
            yield from self._counts(request, orders, symbol, now)
        yield from self._ratio(now)
        if replaced is None:
            at_symbol = sum(order.symbol == symbol for order in orders.values())
            limit = self._limit("max_open_orders")
            yield Judged("MAX_OPEN_ORDERS", Fraction(len(orders) + 1), limit, by_symbol=False)
            limit = self._limit("max_open_orders_per_symbol")
            yield Judged("MAX_OPEN_ORDERS_PER_SYMBOL", Fraction(at_symbol + 1), limit)
        working = sum((item.leaves for item in orders.values() if (item.symbol, item.side) == (symbol, side)), added)
        reached, limit = working + sign(side) * self.position(symbol), self._limit("max_position")
        yield Judged("MAX_POSITION", reached, limit, added > 0, shown=(limit, sign(side) * reached))
        yield from self._exposures(orders, symbol, side, added)

    def _limit(self, name: str) -> Fraction:
        return Fraction(self.limits[name]["limit"])

    def _rates(self, symbol: str, now: int) -> Iterator[Judged]:
        orders = [item for item in self.sent if item.request.action in (Action.NEW, Action.REPLACE)]
        for name, chosen in (
            ("message_rate", self.sent),
            ("order_rate", orders),
            ("order_rate_per_symbol", [item for item in orders if item.symbol == symbol]),
        ):
            limit = int(self.limits[name]["limit"])
            count = self.in_window([item.at for item in chosen], now, self.limits[name]["window_ms"])
            by_symbol = name == "order_rate_per_symbol"
            yield Judged(name.upper(), Fraction(min(count, limit + 1)), Fraction(limit), by_symbol=by_symbol)

    def _counts(self, request: OrderRequest, orders: dict[str, Order], symbol: str, now: int) -> Iterator[Judged]:
        def alike(other: OrderRequest) -> bool:
            mine = (request.symbol, request.side, request.quantity, request.price)
            return (other.symbol, other.side, other.quantity, other.price) == mine and other.action is Action.NEW

        limit = int(self.limits["repeated_order"]["limit"])
        times = [item.at for item in self.sent if alike(item.request)]
        count = self.in_window(times, now, self.limits["repeated_order"]["window_ms"])
        yield Judged("REPEATED_ORDER", Fraction(min(count, limit + 1)), Fraction(limit))

    def _ratio(self, now: int) -> Iterator[Judged]:
        ratio = self.limits["cancel_ratio"]
        cancels = [(item.at, True) for item in self.sent if item.request.action is Action.CANCEL]
        events = sorted(cancels + [(at, False) for at in self.fill_times], key=lambda event: event[0])
        newest = [
            is_cancel for at, is_cancel in events[-ratio["observations_max"] :] if at > now - ratio["window_ms"] * 10**6
        ]
        if len(newest) >= ratio["min_observations"]:
            observed = Fraction(sum(newest), max(len(newest) - sum(newest), 1))
            yield Judged("CANCEL_RATIO", observed, self._limit("cancel_ratio"), by_symbol=False)

    def _exposures(self, orders: dict[str, Order], symbol: str, side: Side, added: Fraction) -> Iterator[Judged]:
        before = {name: self._exposure(orders, name, side, Fraction(0)) for name in self.quotes}
        after = before | {symbol: self._exposure(orders, symbol, side, added)}
        equity, leverage = self.equity(), self._limit("leverage")
        gross_before, gross = (sum((item[0] for item in every.values()), Fraction(0)) for every in (before, after))
        net_before, net = (sum((item[1] for item in every.values()), Fraction(0)) for every in (before, after))
        margin_before, margin = (
            sum((item[0] * self.margin[name] for name, item in every.items()), Fraction(0)) for every in (before, after)
        )
        power = (max(equity * leverage - gross_before, Fraction(0)), gross - gross_before)
        yield Judged("BUYING_POWER", gross / equity, leverage, gross > gross_before, False, power)
        yield Judged("MAX_GROSS_EXPOSURE", gross, self._limit("max_gross_exposure"), gross > gross_before, False)
        yield Judged("MAX_NET_EXPOSURE", net, self._limit("max_net_exposure"), net > net_before, False)
        raises = after[symbol][0] > before[symbol][0]
        yield Judged("MAX_CONCENTRATION", after[symbol][0] / equity, self._limit("max_concentration"), raises)
        yield Judged("MAX_LEVERAGE", gross / equity, self._limit("max_leverage"), gross > gross_before, False)
        yield Judged("MAX_MARGIN", margin / equity, self._limit("max_margin"), margin > margin_before, False)

    def _exposure(
        self, orders: dict[str, Order], symbol: str, side: Side, added: Fraction
    ) -> tuple[Fraction, Fraction]:
        """Returns the gross exposure in a symbol, and the net exposure toward a side."""
        leaves = {
            name: sum(
                (item.leaves for item in orders.values() if (item.symbol, item.side) == (symbol, name)),
                added if name is side else Fraction(0),
            )
            for name in (Side.BUY, Side.SELL)
        }
        held, price = self.position(symbol), self.quotes[symbol]
        gross = max(abs(held + leaves[Side.BUY]), abs(held - leaves[Side.SELL])) * price
        return gross, (sign(side) * held + leaves[side]) * price

    def warnings(self, judged: list[Judged], symbol: str) -> list[str]:
        """Returns the codes of the warnings about an approved order."""
        found = []
        for item in judged:
            key = (item.code, symbol if item.by_symbol else "")
            if item.observed > item.limit:
                continue
            if item.observed < self.soft * item.limit:
                self.warned.discard(key)
            elif key not in self.warned:
                self.warned.add(key)
                found.append(item.code)
        return found


def units(fixed: int | None) -> Fraction:
    assert fixed is not None
    return Fraction(fixed, SCALE)


def sign(side: Side) -> int:
    return 1 if side is Side.BUY else -1


def number(text: str | None) -> Fraction:
    assert text is not None
    return Fraction(Decimal(text))
