"""MockExecutor: fills whole orders at the touch, with latency, slippage and failures drawn from the run seed."""

from schemas.records.enums import Liquidity
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_MS, PRICE_MAX, PRICE_SCALE, to_price
from streams.core.market.order_book import OrderBook
from streams.core.market.trades import LastMinute, TradePrint
from streams.core.reference.instruments import Instrument
from streams.core.simulators.execution_config import ExecutionConfig
from streams.core.simulators.order_fees import OrderFees
from streams.core.simulators.seeded_draws import DRAW_RANGE, draw_below, draws
from streams.core.simulators.simulator import Match, Reach, VenueReject
from streams.core.simulators.venue_order import VenueOrder

MOCK = "mock"
BPS_PER_ONE = 10_000


class MockExecutor:
    """A simulator that ignores displayed sizes and market trades; taking fills slip off the quote, within the limit."""

    name = MOCK

    def __init__(self, config: ExecutionConfig, fees: OrderFees) -> None:
        self._seed = config.run_seed
        self._latency_ms_max = config.mock.latency_ms_max
        self._slippage_max = to_price(config.mock.slippage_bps_max) // BPS_PER_ONE
        self._failure_threshold = to_price(config.mock.failure_rate) * DRAW_RANGE // PRICE_SCALE
        self._fees = fees
        self.stale_after_ns = config.mock.stale_after_ms * NANOS_PER_MS

    def latency_ns(self, request: ApprovedOrder, sent_ns: int) -> int:
        """Draws whole milliseconds, uniform from 0 to latency_ms_max."""
        draw = draws(self._seed, request.account_id, request.order_id)[0]
        return draw_below(draw, self._latency_ms_max + 1) * NANOS_PER_MS

    def latency_max_ns(self) -> int:
        """See streams.core.simulators.simulator.Simulator, which documents all methods below."""
        return self._latency_ms_max * NANOS_PER_MS

    def refuse(self, order: VenueOrder) -> VenueReject | None:
        """Refuses an order with the probability failure_rate."""
        draw = draws(self._seed, *order.key)[1]
        if draw >= self._failure_threshold:
            return None
        return VenueReject("MOCK_FAILURE", f"order {order.request.order_id}: the mock executor drew a failure")

    def fillable(self, order: VenueOrder, instrument: Instrument, book: OrderBook, minute: LastMinute) -> int:
        """Returns the whole open quantity if the opposite side is within the limit."""
        return order.leaves if _is_met(order, book) else 0

    def take(self, order: VenueOrder, instrument: Instrument, book: OrderBook, minute: LastMinute) -> Match | None:
        """Fills the whole order at the opposite side plus slippage."""
        touch = book.ask if order.buying else book.bid
        if touch is None or not order.marketable_at(touch):
            return None
        price = self._slipped(order, touch, instrument.tick_size)
        return Match(order.leaves, price, Liquidity.REMOVED)

    def rest(self, order: VenueOrder, book: OrderBook) -> None:
        """Does nothing: the mock executor keeps no queue."""

    def see_book(self, order: VenueOrder, book: OrderBook) -> None:
        """Does nothing: the mock executor keeps no queue."""

    def meet_quote(self, order: VenueOrder, instrument: Instrument, book: OrderBook) -> Match | None:
        """Fills the whole order at its limit once the opposite side reaches it."""
        if order.price is None or not _is_met(order, book):
            return None
        return Match(order.leaves, order.price, Liquidity.ADDED)

    def meet_trade(self, order: VenueOrder, instrument: Instrument, book: OrderBook, trade: TradePrint) -> Match | None:
        """Fills nothing: market trades don't matter here."""
        return None

    def reach(self, order: VenueOrder) -> Reach | None:
        """Returns the order's limit as the opposite quote that fills it."""
        return None if order.price is None else Reach(order.price, None)

    def _slipped(self, order: VenueOrder, touch: int, tick: int) -> int:
        share = draw_below(draws(self._seed, *order.key)[2], self._slippage_max + 1)
        ticks = touch * share // PRICE_SCALE // tick
        if order.buying:
            price = min(touch + ticks * tick, PRICE_MAX)
            return price if order.price is None else min(price, order.price)
        price = max(touch - ticks * tick, min(touch, tick))
        return price if order.price is None else max(price, order.price)

    def order_fee(self, order: VenueOrder, instrument: Instrument, before: int) -> int:
        """Returns the fee by the instrument's fee model."""
        return self._fees.order_fee(order, instrument, before)

    def describe(self, instrument: Instrument) -> str:
        """Returns the instrument's fee model, the only model that the mock executor uses."""
        return self._fees.describe(instrument)


def _is_met(order: VenueOrder, book: OrderBook) -> bool:
    """Returns whether the opposite side of the quote is within the order's limit."""
    return order.marketable_at(book.ask if order.buying else book.bid)
