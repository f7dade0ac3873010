"""The base class of strategies: the same class trades live, in `paper replay run` and in sweeps.

A strategy is asked when something happens and answers through its own methods. It has no clock but the market's, and
reads no files and no random numbers; then the same market gives the same orders.
"""

from decimal import Decimal
from typing import Any, ClassVar

from schemas.records.enums import Action, OffsetType, OrderType, Side, TimeInForce
from schemas.records.numbers import money_to_decimal, price_to_decimal
from streams.core.reference.fields import Frozen
from streams.core.reference.instruments import Instrument
from streams.strategies.market_bars import BarKind, BarSource, BarSpec, MarketBar
from streams.strategies.market_view import BookEvent, QuoteEvent, TradeEvent
from streams.strategies.order_rounding import Number
from streams.strategies.own_account import FillEvent, OwnOrder
from streams.strategies.strategy_desk import StrategyDesk


class Bracket(Frozen):
    """The ids of a bracket's orders."""

    entry: str
    target: str
    stop: str


class Strategy:
    """A strategy on one account and one or several symbols.

    Numbers are exact decimals, prices in the instrument's currency and quantities in units; floats and text are taken,
    too. streams.strategies.order_rounding says how they come to ticks and lots. All methods that send raise InputError
    if a number or a combination is refused; a refusal of the account comes to on_order as a REJECTED order.

    Attributes:
        parameters: an instance of the class's own Parameters.
    """

    class Parameters(Frozen):
        """The declared parameters, with types, bounds and defaults. Subclass it under the same name."""

    symbol_count: ClassVar[int | None] = 1
    """Number of symbols that it trades; None: any."""
    cancel_on_error: ClassVar[bool] = True
    """True: all orders of the account are canceled when its code raises an error."""
    keeps_orders: ClassVar[bool] = False
    """True: orders that are open when it starts stay, in self.working; False: they end before on_start."""

    warm_up_s: ClassVar[Number] = 0
    """Market seconds that it must have seen before it may send; 0: none. It may be a property that asks parameters.

    A live run begins with that much of the past. Until then each sending raises InputError; see is_warm.
    """

    def __init__(self, desk: StrategyDesk, parameters: Any) -> None:
        self._desk = desk
        self.parameters = parameters

    def on_start(self) -> None:
        """Called before the first update of the market. Positions, cash and orders are the account's already."""

    def on_quote(self, quote: QuoteEvent) -> None:
        """Called with each quote that has both sides."""

    def on_trade(self, trade: TradeEvent) -> None:
        """Called with each trade of the market."""

    def on_book(self, book: BookEvent) -> None:
        """Called with each book."""

    def on_bar(self, bar: MarketBar) -> None:
        """Called with each complete bar of the series that start_bars started."""

    def on_timer(self, name: str) -> None:
        """Called upon the first update at or after the time of a timer, before the update itself is shown."""

    def on_order(self, order: OwnOrder) -> None:
        """Called with each result of an order. order.terminal: it has ended, refused, canceled or filled."""

    def on_fill(self, fill: FillEvent) -> None:
        """Called with each fill, after on_order."""

    def on_stop(self) -> None:
        """Called when a live run ends. What it sends is sent, but answers don't come back to it."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the order of the configuration."""
        return tuple(self._desk.instruments)

    @property
    def symbol(self) -> str:
        """The first symbol."""
        return self.symbols[0]

    @property
    def now_ns(self) -> int:
        """Market time, UTC nanoseconds."""
        return self._desk.now_ns

    @property
    def is_warm(self) -> bool:
        """True if it may send: it has seen warm_up_s of the market, and no more of the past follows."""
        return self._desk.now_ns >= self._desk.sends_from_ns

    @property
    def working(self) -> dict[str, OwnOrder]:
        """The account's orders that have not ended, by id, those on their way included."""
        return dict(self._desk.account.working)

    @property
    def cash(self) -> Decimal | None:
        """Cash in the account's currency; None if it is unknown. Correct if all symbols are in that currency."""
        cash = self._desk.account.cash
        return None if cash is None else money_to_decimal(cash)

    @property
    def equity(self) -> Decimal | None:
        """Cash and positions at their newest mid prices; None if the cash or a needed quote is unknown."""
        value = self.cash
        for symbol, quantity in self._desk.account.positions.items():
            quote = self.quote(symbol)
            if value is None or (quantity and quote is None):
                return None
            if quantity and quote is not None:
                multiplier = price_to_decimal(self.instrument(symbol).contract_multiplier)
                value += self.position(symbol) * quote.mid * multiplier
        return value

    def instrument(self, symbol: str) -> Instrument:
        """Returns an instrument. Raises KeyError."""
        return self._desk.instruments[symbol]

    def position(self, symbol: str) -> Decimal:
        """Returns the account's position in units, negative if short."""
        return self._desk.account.position(symbol)

    def quote(self, symbol: str) -> QuoteEvent | None:
        """Returns the newest quote with both sides; None before the first."""
        tick = self._desk.quotes.get(symbol)
        return None if tick is None else QuoteEvent(symbol, tick)

    def buy(self, symbol: str, quantity: Number, **terms: Any) -> str:
        """Sends an order to buy, see order()."""
        return self.order(Side.BUY, symbol, quantity, **terms)

    def sell(self, symbol: str, quantity: Number, **terms: Any) -> str:
        """Sends an order to sell, see order()."""
        return self.order(Side.SELL, symbol, quantity, **terms)

    def order(
        self,
        side: Side,
        symbol: str,
        quantity: Number,
        *,
        price: Number | None = None,
        order_type: OrderType | None = None,
        tif: TimeInForce = TimeInForce.DAY,
        stop_price: Number | None = None,
        trailing_offset: Number | None = None,
        trailing_type: OffsetType = OffsetType.UNKNOWN,
        expire_ts: int | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        display_quantity: Number | None = None,
        parent: str | None = None,
        group: str | None = None,
    ) -> str:
        """Sends an order and returns its id.

        Args:
            side, symbol, quantity: what to trade.
            price: limit price; with it the default type is LIMIT, else MARKET.
            order_type: any type of the venue.
            tif: time in force; GTD needs expire_ts, UTC nanoseconds.
            stop_price: of stops and touches.
            trailing_offset, trailing_type: distance of a trailing stop, in the currency or in percent.
            expire_ts, post_only, reduce_only, display_quantity: as in the topic orders.
            parent: id of the order whose end with fills makes this one active.
            group: name of a group in which a fill cancels the others; new_group() makes one.
        """
        chosen = order_type or (OrderType.MARKET if price is None else OrderType.LIMIT)
        return self._desk.submit(
            side,
            symbol,
            quantity,
            chosen,
            tif,
            price,
            stop_price,
            trailing_offset,
            trailing_type,
            display_quantity,
            expire_ts=expire_ts,
            post_only=post_only,
            reduce_only=reduce_only,
            parent_order_id=parent,
            oco_group=group,
        )

    def bracket(self, side: Side, symbol: str, quantity: Number, target: Number, stop: Number, **terms: Any) -> Bracket:
        """Sends an order with a target and a stop, of which the first to fill cancels the other.

        terms: those of the first order, see order().
        """
        entry = self.order(side, symbol, quantity, **terms)
        other = Side.SELL if side is Side.BUY else Side.BUY
        exits: dict[str, Any] = {"tif": TimeInForce.GTC, "parent": entry, "group": self.new_group()}
        return Bracket(
            entry=entry,
            target=self.order(other, symbol, quantity, price=target, **exits),
            stop=self.order(other, symbol, quantity, order_type=OrderType.STOP, stop_price=stop, **exits),
        )

    def new_group(self) -> str:
        """Returns the name of a new group."""
        return self._desk.new_id()

    def cancel(self, order_id: str) -> str:
        """Sends a cancel of an order. Returns the request's id."""
        return self._desk.change(Action.CANCEL, order_id)

    def replace(
        self,
        order_id: str,
        *,
        price: Number | None = None,
        quantity: Number | None = None,
        stop_price: Number | None = None,
    ) -> str:
        """Sends a change of a working order. Returns the request's id."""
        return self._desk.change(Action.REPLACE, order_id, price=price, quantity=quantity, stop_price=stop_price)

    def cancel_all(self, symbol: str = "", side: Side = Side.UNKNOWN) -> str:
        """Sends a cancel of all orders of the account, or of one symbol or side."""
        return self._desk.cancel_all(symbol, side)

    def start_bars(
        self, symbol: str, size: Number, kind: BarKind = BarKind.TIME, source: BarSource = BarSource.QUOTES
    ) -> BarSpec:
        """Starts a series of bars for on_bar. size: seconds, updates or units, by the kind."""
        return self._desk.add_bars(symbol, kind, size, source)

    def call_every(self, seconds: Number, name: str) -> None:
        """Calls on_timer at each multiple of some seconds of market time."""
        self._desk.set_timer(name, seconds, repeats=True)

    def call_after(self, seconds: Number, name: str) -> None:
        """Calls on_timer once, after some seconds of market time."""
        self._desk.set_timer(name, seconds, repeats=False)

    def stop_timer(self, name: str) -> None:
        """Ends a timer."""
        self._desk.timers.pop(name, None)
