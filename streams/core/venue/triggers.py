"""The triggers of stop, trailing and touch orders.

The reference is the quote that the order would trade against: the ask for a buy, the bid for a sell (FIX tag 1107,
TriggerPriceType: best offer or best bid). Trades trigger nothing, because late and odd prints would.
"""

from typing import Final

from schemas.records.enums import OffsetType, OrderType
from schemas.records.numbers import PRICE_MAX, PRICE_SCALE
from streams.core.market.order_book import OrderBook
from streams.core.simulators.venue_order import VenueOrder

PERCENT = 100
NEVER_LOW: Final = 0
NEVER_HIGH: Final = PRICE_MAX + 1
"""Every price is above NEVER_LOW and below NEVER_HIGH."""


def is_triggered(order: VenueOrder, book: OrderBook) -> bool:
    """Returns whether the market has reached the order's stop or touch price."""
    reference = book.ask if order.buying else book.bid
    if reference is None or order.stop_price is None:
        return False
    waits_for_rise = order.buying != (order.request.order_type is OrderType.MARKET_IF_TOUCHED)
    return reference >= order.stop_price if waits_for_rise else reference <= order.stop_price


def follow_market(order: VenueOrder, book: OrderBook, tick: int) -> None:
    """Moves the stop of a trailing order after the market, never away from it.

    Rounds to the tick away from the market, and stops at the highest price.
    """
    if order.request.order_type is not OrderType.TRAILING_STOP:
        return
    reference = book.ask if order.buying else book.bid
    if reference is None:
        return
    distance = _distance(order, reference)
    if order.buying:
        stop = reference + distance
        stop = min(stop + -stop % tick, PRICE_MAX - PRICE_MAX % tick)
    else:
        stop = max(reference - distance, tick)
        stop -= stop % tick
    order.stop_price = tightest_stop(order, stop, order.stop_price)


def tightest_stop(order: VenueOrder, *stops: int | None) -> int | None:
    """Returns the stop price of a trailing order that is nearest to the market; None if all are None."""
    known = [stop for stop in stops if stop is not None]
    return (min if order.buying else max)(known, default=None)


def _distance(order: VenueOrder, reference: int) -> int:
    offset = order.request.trailing_offset
    assert offset is not None
    if order.request.trailing_type is OffsetType.PERCENT:
        return reference * offset // (PERCENT * PRICE_SCALE)
    return offset


def wake_prices(order: VenueOrder, tick: int) -> tuple[int, int]:
    """Returns the prices (low, high) of the opposite quote at which a waiting order must be looked at.

    A quote at or below low, or at or above high, triggers the order or moves its trailing stop. NEVER_LOW
    and NEVER_HIGH stand for prices that no quote reaches.
    """
    low, high = NEVER_LOW, NEVER_HIGH
    if order.stop_price is not None:
        if order.buying != (order.request.order_type is OrderType.MARKET_IF_TOUCHED):
            high = order.stop_price
        else:
            low = order.stop_price
    if order.request.order_type is OrderType.TRAILING_STOP:
        follows = _follows_at(order, tick)
        low, high = (follows, high) if order.buying else (low, follows)
    return low, high


def _follows_at(order: VenueOrder, tick: int) -> int:
    """Returns the highest ask (for a sell, the lowest bid) at which follow_market moves the stop."""
    offset, stop = order.request.trailing_offset, order.stop_price
    assert offset is not None
    if stop is None:
        return PRICE_MAX if order.buying else 0
    whole, is_percent = PERCENT * PRICE_SCALE, order.request.trailing_type is OffsetType.PERCENT
    if order.buying:
        nearest = (stop - 1) // tick * tick
        return (nearest * whole + whole - 1) // (whole + offset) if is_percent else nearest - offset
    nearest = (stop // tick + 1) * tick
    if nearest <= tick or (is_percent and offset >= whole):
        return 0
    return (nearest - 1) * whole // (whole - offset) + 1 if is_percent else nearest + offset
