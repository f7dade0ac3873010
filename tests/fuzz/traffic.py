"""Valid traffic, as clients, operators and feeds send it: every kind of order, control and market update."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from schemas.records.enums import (
    Action,
    ControlKind,
    OffsetType,
    OrderType,
    Side,
    TimeInForce,
    TradingMode,
    TradingState,
)
from schemas.records.messages import Control, MarketData, OrderRequest
from schemas.records.output import Message
from tests.authorisations import JUDGED, approval, decision, revocation
from tests.builders import MS, SECOND, START, columns, control, dividend, funding, heartbeat, money, px, split, trading
from tests.fuzz.cores import ACCOUNTS, CURRENCIES, SYMBOLS
from tests.fuzz.encoded_fields import DAY

PRICES = {"ABC": 1_000, "XYZ": 5_000, "DAX": 1_550_000, "EURUSD": 110}
"""Price around which each symbol moves, in units of 0.01."""
STEPS = {"ABC": 1, "XYZ": 1, "DAX": 50, "EURUSD": 1}
"""Tick size of each symbol in units of 0.01; EURUSD has a finer one."""
PAUSES = (0,) * 6 + (1, 1_000, MS, MS, 3 * MS, 3 * MS, 20 * MS, 20 * MS, 200 * MS, SECOND)
LONG_PAUSES = (5 * SECOND, 61 * SECOND, 3_600 * SECOND, 20 * 3_600 * SECOND)
CENT, ONE = px("0.01"), px(1)
QUANTITIES = tuple(ONE * units for units in (1, 2, 10, 10, 50, 100, 1000))
QUOTED = (ONE, 30 * ONE, 100 * ONE, px("17.25"), 0, -1)
TRADED = (ONE, 3 * ONE, 50 * ONE)
DISPLAYED = (ONE, 20 * ONE, 40 * ONE)
REPLACED = (None, ONE, 20 * ONE, 500 * ONE)
CASH = tuple(money(amount) for amount in (1_000, 1_000_000, 1_000_000, 50_000_000))
RECENT = 30
"""Number of orders of an account that later requests name."""
SETTINGS = (
    '{"max_position": "5000"}', '{"max_position": null}', '{"leverage": "2"}', '{"max_order_quantity": "100000"}',
    '{"self_match": "cancel_newest"}', '{"self_match": null}', '{"order_rate": 1000}', '{"long_only": false}',
    '{"breakers": {"drawdown": {"kind": "drawdown", "percent": "40"}}}', '{"breakers": {"drawdown": null}}',
    '{"breakers": {"hourly": {"kind": "loss", "percent": "90", "window_ms": 3600000}}}', '{"max_open_orders": 2000}',
)  # fmt: skip


class Sent(NamedTuple):
    """A record of a client with its key."""

    topic: str
    key: str
    message: Message


class Traffic:
    """A generator of valid records. reached: returns the time up to which a symbol's market has come."""

    def __init__(self, draw: Random, reached: Callable[[str], int]) -> None:
        self.now_ns = START
        self._decision: Control | None = None
        self._draw = draw
        self._reached = reached
        self._number = 0
        self._orders: dict[str, list[str]] = {account: [] for account in ACCOUNTS}
        self._price = dict(PRICES)
        self._killed: list[dict[str, Any]] = []

    def opening(self) -> list[Sent]:
        """Returns the records with which a day begins: a session of each account, a quote of each symbol."""
        sessions = [self._control(self._open(account), account) for account in ACCOUNTS]
        return [*sessions, *(Sent("market.data", symbol, self._quotes(symbol, 1)) for symbol in SYMBOLS)]

    def next(self) -> Sent:
        """Returns the next record."""
        chance = self._draw.random()
        if chance < 0.36:
            return self._order()
        if chance < 0.48:
            return self._change()
        if chance < 0.95:
            return self._market()
        return self._command()

    def fresh_id(self, prefix: str = "o") -> str:
        """Returns an id that was not used before."""
        self._number += 1
        return f"{prefix}-{self._number}"

    def market_time(self, symbol: str) -> int:
        """Moves the clock a little and returns it, or the market's if that is ahead."""
        draw = self._draw
        self.now_ns += draw.choice(PAUSES) if draw.random() < 0.995 else draw.choice(LONG_PAUSES)
        return max(self.now_ns, self._reached(symbol))

    def _order(self) -> Sent:
        draw = self._draw
        account, symbol = draw.choice(ACCOUNTS), draw.choice(SYMBOLS)
        orders = self._orders[account]
        order_id = draw.choice(orders) if orders and draw.random() < 0.01 else self.fresh_id()
        orders.append(order_id)
        del orders[:-RECENT]
        order = OrderRequest(
            action=Action.NEW,
            order_id=order_id,
            orig_order_id=None,
            account_id=account,
            strategy_id=draw.choice(("s1", "s1", "s2", None)),
            symbol=symbol,
            side=draw.choice((Side.BUY, Side.SELL)),
            order_type=OrderType.MARKET,
            time_in_force=draw.choice((TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK)),
            quantity=draw.choice(QUANTITIES),
            price=None,
            ts=self.now_ns - draw.choice((0, 0, 0, 1, MS, SECOND, 3600 * SECOND)),
            mode=TradingMode.LIVE if draw.random() < 0.02 else TradingMode.PAPER,
        )
        if draw.random() < 0.8:
            order = order._replace(**self._terms(symbol, orders))
        return Sent("orders", account, order)

    def _terms(self, symbol: str, known: list[str]) -> dict[str, Any]:
        """Returns price, type, time in force and instructions of an order that is no market order."""
        draw = self._draw
        kind = draw.choice((OrderType.LIMIT,) * 5 + (*OrderType,)[3:])
        price, stop = self._near(symbol, 12), self._near(symbol, 12)
        terms: dict[str, Any] = {"order_type": kind, "time_in_force": draw.choice((TimeInForce.DAY, TimeInForce.GTC))}
        if kind is OrderType.LIMIT:
            choice = draw.randrange(8)
            terms |= {"price": price, "post_only": choice == 0}
            if choice == 1:
                terms["display_quantity"] = ONE
            elif choice in (2, 3):
                terms["time_in_force"] = (TimeInForce.IOC, TimeInForce.FOK)[choice - 2]
            elif choice == 4:
                ahead = draw.choice((1, 50 * MS, SECOND, DAY))
                terms |= {"time_in_force": TimeInForce.GTD, "expire_ts": self.now_ns + ahead}
        elif kind is OrderType.STOP_LIMIT:
            terms |= {"price": price, "stop_price": stop}
        elif kind is OrderType.TRAILING_STOP:
            unit = draw.choice((OffsetType.PRICE, OffsetType.PERCENT))
            terms |= {"trailing_offset": CENT * draw.randint(1, 9) * STEPS[symbol], "trailing_type": unit}
        else:
            terms["stop_price"] = stop
        chance = draw.random()
        if chance < 0.05:
            terms["oco_group"] = draw.choice("gh")
        elif chance < 0.1 and len(known) > 1:
            terms["parent_order_id"] = known[-2]
        elif chance < 0.15:
            terms["reduce_only"] = True
        return terms

    def _near(self, symbol: str, ticks: int) -> int:
        return CENT * (self._price[symbol] + self._draw.randint(-ticks, ticks) * STEPS[symbol])

    def _change(self) -> Sent:
        draw = self._draw
        account = draw.choice(ACCOUNTS)
        target = draw.choice(self._orders[account]) if self._orders[account] else "o-0"
        chance = draw.random()
        action = Action.CANCEL if chance < 0.45 else Action.REPLACE if chance < 0.97 else Action.MASS_CANCEL
        unknown = (Side.UNKNOWN, OrderType.UNKNOWN, TimeInForce.UNKNOWN)
        request = OrderRequest(
            action, self.fresh_id("c"), target, account, "s1", "", *unknown, quantity=None, price=None, ts=self.now_ns
        )
        if action is Action.REPLACE:
            symbol = draw.choice(SYMBOLS)
            request = request._replace(
                quantity=draw.choice(REPLACED),
                price=draw.choice((None, self._near(symbol, 5))),
                stop_price=self._near(symbol, 5) if draw.random() < 0.1 else None,
            )
        elif action is Action.MASS_CANCEL:
            side = draw.choice((Side.UNKNOWN, Side.BUY))
            request = request._replace(orig_order_id=None, side=side, symbol=draw.choice(("", *SYMBOLS)))
        return Sent("orders", account, request)

    def _market(self) -> Sent:
        draw = self._draw
        symbol, chance = draw.choice(SYMBOLS), draw.random()
        if chance < 0.55:
            record = self._quotes(symbol, draw.choice((1, 1, 1, 2, 3, 20)))
        elif chance < 0.75:
            record = self._trades(symbol, draw.choice((1, 1, 2, 5, 20)))
        elif chance < 0.9:
            record = self._book(symbol)
        elif chance < 0.95:
            name = draw.choice(("", "", symbol))
            record = heartbeat(self.market_time(name), name)
            return Sent("market.data", name, record)
        elif chance < 0.998:
            record = trading(draw.choice("HRRRRR"), at=self.market_time(symbol), symbol=symbol)
        elif chance < 0.9985:
            record = funding(draw.choice(("-0.0003", "0.0001")), "100.05", at=self.market_time(symbol), symbol=symbol)
        elif chance < 0.999:
            record = dividend("0.24", at=self.market_time(symbol), symbol=symbol)
        else:
            to, of = draw.choice(((2, 1), (1, 2), (3, 2), (10, 1), (1, 10)))
            record = split(to, of, at=self.market_time(symbol), symbol=symbol)
        return Sent("market.data", symbol, record)

    def _quotes(self, symbol: str, count: int) -> MarketData:
        draw, rows = self._draw, []
        for _ in range(count):
            self._move(symbol)
            bid = self._price[symbol]
            ask = bid + draw.choice((1, 1, 2, 2, 4, 0, -1)) * STEPS[symbol]
            row = (CENT * bid, draw.choice(QUOTED), CENT * ask, draw.choice(QUOTED))
            rows.append(("Q", self.market_time(symbol), row))
        return columns(symbol, rows)

    def _trades(self, symbol: str, count: int) -> MarketData:
        rows: list[tuple[str, int, tuple[int, ...]]] = []
        for _ in range(count):
            row = (self._near(symbol, 6), self._draw.choice(TRADED))
            rows.append(("T", self.market_time(symbol), row))
        return columns(symbol, rows)._replace(aggressors="".join(self._draw.choices("BS-", k=count)))

    def _book(self, symbol: str) -> MarketData:
        draw, at = self._draw, self.market_time(symbol)
        self._move(symbol)
        bids, asks = draw.randrange(5), draw.randrange(5)
        bid, step = self._price[symbol], STEPS[symbol]
        ask = bid + draw.randint(1, 4) * step
        prices = [*(bid - depth * step for depth in range(bids)), *(ask + depth * step for depth in range(asks))]
        sizes = draw.choices(DISPLAYED, k=len(prices))
        return columns(symbol, [])._replace(
            ts=at,
            kinds="B",
            times=[at],
            book_bids=[bids],
            book_asks=[asks],
            book_px=[CENT * price for price in prices],
            book_sz=sizes,
        )

    def _move(self, symbol: str) -> None:
        change = self._draw.choice((-1, 0, 0, 1)) * STEPS[symbol]
        middle = PRICES[symbol]
        self._price[symbol] = min(
            max(self._price[symbol] + change, middle - 20 * STEPS[symbol]), middle + 20 * STEPS[symbol]
        )

    def _command(self) -> Sent:
        draw = self._draw
        account, chance = draw.choice(ACCOUNTS), draw.random()
        if chance < 0.15:
            return self._control(control(ControlKind.SESSION_CLOSE, account), account)
        if chance < 0.4:
            return self._control(self._open(account), account)
        if chance < 0.55:
            return self._control(control(ControlKind.LIMITS, account, limits=draw.choice(SETTINGS)), account)
        if chance < 0.65:
            state = draw.choice((TradingState.ACTIVE, TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED))
            return self._control(control(ControlKind.TRADING_STATE, account, trading_state=state), account)
        if chance < 0.75:
            target = draw.choice(({"symbol": "XYZ"}, {"strategy_id": "s2"}, {"account_id": account}))
            self._killed.append(target)
            return self._killing(ControlKind.KILL, target, account, flatten=draw.random() < 0.5)
        if chance < 0.87:
            target = self._killed.pop(0) if self._killed else {"symbol": "XYZ"}
            return self._killing(ControlKind.RESUME, target, target.get("account_id") or account)
        if chance < 0.93:
            name = draw.choice(("drawdown", "loss", "errors", "frequency", "losses"))
            return self._control(control(ControlKind.BREAKER_RESET, account, breaker=name), account)
        return self._control(self._authorisation(account), account)

    def _authorisation(self, account: str) -> Control:
        """Returns a decision on an account, an approval of the newest one, or a revocation."""
        chance, name = self._draw.random(), f"d{self._draw.randrange(9)}"
        if chance < 0.25:
            return revocation(name=name)
        if self._decision is None or chance < 0.6:
            until = self.now_ns + DAY
            self._decision = decision("LIMITED_LIVE", name, until, self.now_ns, account_id=account)
            return self._decision
        return approval(self._decision)

    def _killing(self, kind: ControlKind, target: dict[str, Any], key: str, flatten: bool = False) -> Sent:
        command = control(kind, None, flatten=flatten)._replace(**target)
        return self._control(command, key)

    def _open(self, account: str) -> Control:
        cash = self._draw.choice(CASH)
        currency = CURRENCIES[ACCOUNTS.index(account)]
        session = self.fresh_id("session")
        fields: dict[str, Any] = {"session_id": session, "currency": currency, "opening_cash": cash}
        return control(ControlKind.SESSION_OPEN, account, **fields, **JUDGED)

    def _control(self, command: Control, key: str) -> Sent:
        return Sent("controls", key, command._replace(control_id=self.fresh_id("control"), ts=self.now_ns))
