"""MockExecutor: fills whole orders at the touch, with latency, slippage and failures drawn from the run seed."""

from schemas.records.enums import Liquidity
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_MS, PRICE_MAX, PRICE_SCALE, to_price
from streams.core.core_config import CoreConfig
from streams.core.market.order_book import Book
from streams.core.market.trades import Print
from streams.core.reference.instruments import Instrument
from streams.core.simulators.draws import DRAW_RANGE, below, draws
from streams.core.simulators.order_fees import OrderFees
from streams.core.simulators.simulator import Match, Reach, VenueReject
from streams.core.simulators.venue_order import VenueOrder

MOCK = "mock"
BPS_PER_ONE = 10_000


class MockExecutor:
    """Ignores the displayed size and the market's trades; fills that take slip away from the quote, up to the limit."""

    name = MOCK

    def __init__(self, config: CoreConfig, fees: OrderFees) -> None:
        self._seed = config.run_seed
        self._latency_ms_max = config.mock.latency_ms_max
        self._slippage_max = to_price(config.mock.slippage_bps_max) // BPS_PER_ONE
        self._failure_threshold = to_price(config.mock.failure_rate) * DRAW_RANGE // PRICE_SCALE
        self._fees = fees
        self.stale_after_ns = config.mock.stale_after_ms * NANOS_PER_MS

    def latency_ns(self, request: ApprovedOrder, sent_ns: int) -> int:
        """Uniform in whole milliseconds from 0 to latency_ms_max."""
        draw = draws(self._seed, request.account_id, request.order_id)[0]
        return below(draw, self._latency_ms_max + 1) * NANOS_PER_MS

    def latency_max_ns(self) -> int:
        """See streams.core.simulators.simulator.Simulator, as all that follows."""
        return self._latency_ms_max * NANOS_PER_MS

    def refuse(self, order: VenueOrder) -> VenueReject | None:
        """Fails an order with the probability failure_rate."""
        draw = draws(self._seed, *order.key)[1]
        if draw >= self._failure_threshold:
            return None
        return VenueReject("MOCK_FAILURE", f"order {order.request.order_id}: the mock executor drew a failure")

    def fillable(self, order: VenueOrder, instrument: Instrument, book: Book, volume: int) -> int:
        """All of it when the opposite side is within the limit."""
        return order.leaves if order.marketable_at(book.ask if order.buying else book.bid) else 0

    def take(self, order: VenueOrder, instrument: Instrument, book: Book, volume: int) -> Match | None:
        """The whole order at the opposite side plus slippage."""
        touch = book.ask if order.buying else book.bid
        if touch is None or not order.marketable_at(touch):
            return None
        price = self._slipped(order, touch, instrument.tick_size)
        return Match(order.leaves, price, Liquidity.REMOVED)

    def rest(self, order: VenueOrder, book: Book) -> None:
        """It has no queue."""

    def see_book(self, order: VenueOrder, book: Book) -> None:
        """It has no queue."""

    def meet_quote(self, order: VenueOrder, instrument: Instrument, book: Book) -> Match | None:
        """The whole order at its limit when the opposite side reaches it."""
        if order.price is None or not self.fillable(order, instrument, book, 0):
            return None
        return Match(order.leaves, order.price, Liquidity.ADDED)

    def meet_trade(self, order: VenueOrder, instrument: Instrument, book: Book, trade: Print) -> Match | None:
        """Trades of the market fill nothing here."""
        return None

    def reach(self, order: VenueOrder) -> Reach | None:
        """The opposite side at its limit."""
        return None if order.price is None else Reach(order.price, None)

    def _slipped(self, order: VenueOrder, touch: int, tick: int) -> int:
        share = below(draws(self._seed, *order.key)[2], self._slippage_max + 1)
        ticks = touch * share // PRICE_SCALE // tick
        if order.buying:
            price = min(touch + ticks * tick, PRICE_MAX)
            return price if order.price is None else min(price, order.price)
        price = max(touch - ticks * tick, min(touch, tick))
        return price if order.price is None else max(price, order.price)

    def order_fee(self, order: VenueOrder, instrument: Instrument, before: int) -> int:
        """The instrument's fee model."""
        return self._fees.order_fee(order, instrument, before)

    def describe(self, instrument: Instrument) -> str:
        """The instrument's fee model: all else is drawn."""
        return self._fees.describe(instrument)
