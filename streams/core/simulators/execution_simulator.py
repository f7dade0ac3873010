"""ExecutionSimulator: real spreads, displayed sizes and queues, decided by configured models."""

from schemas.records.enums import Action, Liquidity
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_MS, PRICE_MAX, PRICE_SCALE, to_price
from streams.core.market.order_book import SIZE_UNKNOWN, OrderBook, PriceLevel
from streams.core.market.trades import LastMinute, TradePrint
from streams.core.reference.declarations import SimulatorConfig
from streams.core.reference.instruments import Instrument
from streams.core.simulators.execution_config import ExecutionConfig
from streams.core.simulators.fill_models import FillModel, Skips
from streams.core.simulators.latency_models import Constant, LatencyModel
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.core.simulators.order_fees import OrderFees
from streams.core.simulators.queue_place import QueueModel, QueuePlace
from streams.core.simulators.simulator import Match, Reach, VenueReject
from streams.core.simulators.slippage_models import Beyond, SlippageModel
from streams.core.simulators.venue_order import VenueOrder

MET_BEYOND: dict[Skips, int | None] = {Skips.NOTHING: None, Skips.UNTIL_TOUCHED: 0, Skips.UNTIL_CROSSED: 1}
"""Distance beyond an order's price (1e-9) at which a fill model must be asked; None: ask it about every update."""


class ExecutionSimulator:
    """A simulator of displayed liquidity, put together from a fill, queue, slippage and latency model, and fees.

    An arriving order takes the displayed size level by level, then what slippage model and participation grant beyond
    it, less what orders of any account have taken there from the same quote or in the last minute. A resting limit
    order trades at its limit when its fill model says so. An iceberg displays a slice; the next slice joins the end of
    the queue. See streams.core.simulators.simulator.Simulator.
    """

    def __init__(self, core: ExecutionConfig, config: SimulatorConfig, fees: OrderFees) -> None:
        """Raises streams.core.simulators.model.ModelError."""
        self.name = config.name
        self.stale_after_ns = config.stale_after_ms * NANOS_PER_MS
        self._seed, self._runs_out = core.run_seed, core.liquidity_runs_out
        self._participation = to_price(config.participation)
        self._fill: FillModel = make_model(ModelKind.FILL, config.fill)
        self._queues = self._fill.queues
        self._in_turn: bool = getattr(self._fill, "in_turn", False)
        self._met_beyond = MET_BEYOND[getattr(self._fill, "skips", Skips.NOTHING)]
        self._queue: QueueModel = make_model(ModelKind.QUEUE, config.queue)
        self._slippage: SlippageModel = make_model(ModelKind.SLIPPAGE, config.slippage)
        latency = config.latency
        self._latency: dict[Action, LatencyModel] = {
            action: make_model(ModelKind.LATENCY, asked or latency.new)
            for action, asked in (
                (Action.NEW, latency.new),
                (Action.CANCEL, latency.cancel),
                (Action.REPLACE, latency.replace),
            )
        }
        self._constant_ns: dict[Action, int] = {
            action: model.most_ns() for action, model in self._latency.items() if type(model) is Constant
        }
        """Latency of the requests that all have the same."""
        self._fees = fees
        self._descriptions: dict[str, str] = {}

    def latency_ns(self, request: ApprovedOrder, sent_ns: int) -> int:
        """See Simulator."""
        action = request.action
        constant_ns = self._constant_ns.get(action)
        return self._latency[action].latency_ns(self._seed, request, sent_ns) if constant_ns is None else constant_ns

    def latency_max_ns(self) -> int:
        """See Simulator."""
        return max(model.most_ns() for model in self._latency.values())

    def refuse(self, order: VenueOrder) -> VenueReject | None:
        """Accepts every order."""
        return None

    def fillable(self, order: VenueOrder, instrument: Instrument, book: OrderBook, minute: LastMinute) -> int:
        """See Simulator."""
        left = order.leaves
        for level in book.opposite(order.buying):
            if not order.marketable_at(level.px):
                return order.leaves - left
            left -= _lots(left if level.left == SIZE_UNKNOWN else min(left, level.left), instrument)
        if left:
            beyond = self._beyond(order, left, instrument, book, minute)
            left -= beyond.quantity if beyond else 0
        return order.leaves - left

    def take(self, order: VenueOrder, instrument: Instrument, book: OrderBook, minute: LastMinute) -> Match | None:
        """See Simulator."""
        for level in book.opposite(order.buying):
            if not order.marketable_at(level.px):
                return None
            quantity = _taken(level, order.leaves, instrument)
            if quantity:
                return Match(quantity, level.px, Liquidity.REMOVED)
        if not self._runs_out and order.impact_ts == book.ts:
            return None
        match = self._beyond(order, order.leaves, instrument, book, minute)
        if not self._runs_out:
            order.impact_ts = book.ts
        elif match is not None:
            book.opposite(order.buying)[0].beyond += match.quantity
        return match

    def _beyond(
        self, order: VenueOrder, quantity: int, instrument: Instrument, book: OrderBook, minute: LastMinute
    ) -> Match | None:
        """Returns the fill that is granted beyond the last level, on the tick and within the limit.

        What has been taken there before counts as if it were the first part of the same order.
        """
        levels = book.opposite(order.buying)
        if not levels:
            return None
        taken, total = 0, quantity
        if self._runs_out:
            taken, most = self._participating(levels, minute)
            total = min(taken + quantity, most)
        if total <= taken:
            return None
        middle, last = book.mid_price, levels[-1].px
        half_spread = 0 if middle is None else abs(levels[0].px - middle)
        impact = self._slippage.beyond(Beyond(total, last, half_spread, minute.traded))
        granted = _lots(min(impact.quantity, total) - taken, instrument)
        if granted <= 0:
            return None
        step_min = instrument.tick_size if self._runs_out else 0
        price = _worse(last, max(impact.slippage, step_min), order.buying, instrument.tick_size)
        if abs(price - last) < step_min or not order.marketable_at(price):
            return None
        return Match(granted, price, Liquidity.REMOVED, beyond=self._runs_out)

    def _participating(self, levels: list[PriceLevel], minute: LastMinute) -> tuple[int, int]:
        """Returns what has been taken beyond these levels, and the most that may be."""
        if minute.traded:
            return max(levels[0].beyond, minute.beyond), minute.traded * self._participation // PRICE_SCALE
        shown = sum(level.sz for level in levels if level.sz != SIZE_UNKNOWN)
        return levels[0].beyond, shown * self._participation // PRICE_SCALE

    def rest(self, order: VenueOrder, book: OrderBook) -> None:
        """See Simulator."""
        order.slice_left = order.request.display_quantity
        if self._queues and order.price is not None:
            displayed = book.own_size(order.buying, order.price)
            order.queue = QueuePlace(displayed, displayed)
            if order.queue_entry is None:
                order.queue_entry = displayed

    def see_book(self, order: VenueOrder, book: OrderBook) -> None:
        """See Simulator."""
        if self._queues and order.price is not None:
            if order.queue is None:
                order.queue = QueuePlace()
            order.queue.see_level(book.own_size(order.buying, order.price), self._queue)
            if order.queue_entry is None:
                order.queue_entry = order.queue.ahead

    def meet_quote(self, order: VenueOrder, instrument: Instrument, book: OrderBook) -> Match | None:
        """See Simulator."""
        if order.price is None or not self._fill.is_met(order, book):
            return None
        for level in book.opposite(order.buying):
            if not order.marketable_at(level.px):
                return None
            quantity = _taken(level, order.leaves, instrument)
            if quantity:
                return self._added(order, quantity, book)
        return None

    def meet_trade(self, order: VenueOrder, instrument: Instrument, book: OrderBook, trade: TradePrint) -> Match | None:
        """See Simulator."""
        if order.price is None:
            return None
        reached = self._fill.by_trade(order, trade)
        if self._queues and trade.px == order.price:
            if order.queue is None:
                order.queue = QueuePlace()
            order.queue.see_trade(trade.sz)
        quantity = _lots(min(reached - trade.used, order.displayed), instrument)
        if quantity <= 0:
            return None
        trade.used += quantity
        return self._added(order, quantity, book)

    def reach(self, order: VenueOrder) -> Reach | None:
        """Returns the prices at which the fill model must be asked, as its skips declares."""
        price, beyond = order.price, self._met_beyond
        if price is None or beyond is None:
            return None
        met_at = price - beyond if order.buying else price + beyond
        if not self._queues:
            return Reach(met_at, met_at)
        return Reach(met_at, price, self._queue, self._in_turn)

    def _added(self, order: VenueOrder, quantity: int, book: OrderBook) -> Match:
        assert order.price is not None
        if order.slice_left is not None:
            beyond = quantity - order.slice_left
            if beyond < 0:
                order.slice_left = -beyond
            else:
                self.rest(order, book)
                order.slice_left -= beyond % order.slice_left
        return Match(quantity, order.price, Liquidity.ADDED)

    def order_fee(self, order: VenueOrder, instrument: Instrument, before: int) -> int:
        """See Simulator."""
        return self._fees.order_fee(order, instrument, before)

    def describe(self, instrument: Instrument) -> str:
        """See Simulator."""
        text = self._descriptions.get(instrument.symbol)
        if text is None:
            models = [self._fill.describe(), self._slippage.describe(), self._fees.describe(instrument)]
            if self._queues:
                models.insert(1, self._queue.describe())
            text = self._descriptions[instrument.symbol] = " + ".join(models)
        return text


def _lots(quantity: int, instrument: Instrument) -> int:
    return quantity - quantity % instrument.lot_size


def _taken(level: PriceLevel, wanted: int, instrument: Instrument) -> int:
    """Takes the wanted quantity from the level as far as it has it, in whole lots; returns the quantity taken."""
    if level.left == SIZE_UNKNOWN:
        return _lots(wanted, instrument)
    quantity = _lots(min(wanted, level.left), instrument)
    level.left -= quantity
    return quantity


def _worse(price: int, slippage: int, buying: bool, tick: int) -> int:
    """Returns a price moved against the trader, on the tick, within the range of prices."""
    if buying:
        moved = price + slippage
        return min(moved + -moved % tick, PRICE_MAX)
    moved = price - slippage
    return max(moved - moved % tick, min(price, tick))
