"""MockExecutor: fills whole orders at the touch, with latency, slippage and failures drawn from the run seed."""

from streams.domain.config import CoreConfig
from streams.domain.enums import Liquidity
from streams.domain.instruments import Instrument
from streams.domain.messages import ApprovedOrder
from streams.domain.numbers import NANOS_PER_MS, PRICE_MAX, PRICE_SCALE, to_price
from streams.domain.quote import Quote
from streams.domain.venue_order import VenueOrder
from streams.execution.draws import DRAW_RANGE, below, draws
from streams.execution.fees import rate_and_unit_fee
from streams.execution.simulator import Match, VenueReject

BPS_PER_ONE = 10_000


class MockExecutor:
    """Ignores the displayed size; aggressive fills slip away from the quote, up to the limit price."""

    name = "mock"

    def __init__(self, config: CoreConfig) -> None:
        self._seed = config.run_seed
        self._latency_ms_max = config.mock.latency_ms_max
        self._slippage_max = to_price(config.mock.slippage_bps_max) // BPS_PER_ONE
        self._failure_threshold = to_price(config.mock.failure_rate) * DRAW_RANGE // PRICE_SCALE

    def latency_ns(self, request: ApprovedOrder) -> int:
        """Uniform in whole milliseconds from 0 to latency_ms_max."""
        draw = draws(self._seed, request.account_id, request.order_id)[0]
        return below(draw, self._latency_ms_max + 1) * NANOS_PER_MS

    def refuse(self, order: VenueOrder) -> VenueReject | None:
        """Fails an order with the probability failure_rate."""
        draw = draws(self._seed, *order.key)[1]
        if draw >= self._failure_threshold:
            return None
        return VenueReject("MOCK_FAILURE", f"order {order.request.order_id}: the mock executor drew a failure")

    def fillable(self, order: VenueOrder, quote: Quote) -> int:
        """All of it when the opposite side is within the limit."""
        return order.leaves if order.marketable_at(quote.ask if order.buying else quote.bid) else 0

    def match(self, order: VenueOrder, instrument: Instrument, quote: Quote) -> Match | None:
        """The whole order: a resting one at its limit, an arriving one at the opposite side plus slippage."""
        if not self.fillable(order, quote):
            return None
        if order.resting and order.price is not None:
            return Match(order.leaves, order.price, Liquidity.ADDED)
        touch = quote.ask_px if order.buying else quote.bid_px
        price = self._slipped(order, touch, instrument.tick_size)
        return Match(order.leaves, price, Liquidity.REMOVED)

    def _slipped(self, order: VenueOrder, touch: int, tick: int) -> int:
        share = below(draws(self._seed, *order.key)[2], self._slippage_max + 1)
        ticks = touch * share // PRICE_SCALE // tick
        if order.buying:
            price = min(touch + ticks * tick, PRICE_MAX)
            return price if order.price is None else min(price, order.price)
        price = max(touch - ticks * tick, min(touch, tick))
        return price if order.price is None else max(price, order.price)

    def commission(self, instrument: Instrument, match: Match) -> int:
        """See streams.execution.fees."""
        return rate_and_unit_fee(instrument, match.quantity, match.price, match.liquidity)
