"""When stop, trailing and touch orders become active.

Judged by the quote that the order would trade against: the ask for a buy, the bid for a sell (FIX tag 1107,
TriggerPriceType: best offer or best bid). A trade print triggers nothing: late and odd prints would.
"""

from schemas.records.enums import OffsetType, OrderType
from schemas.records.numbers import PRICE_MAX, PRICE_SCALE
from streams.core.market.order_book import Book
from streams.core.simulators.venue_order import VenueOrder

PERCENT = 100
NOTHING = 0, PRICE_MAX + 1


def is_triggered(order: VenueOrder, book: Book) -> bool:
    """Whether the market has come to the order's stop or touch price."""
    reference = book.ask if order.buying else book.bid
    if reference is None or order.stop_price is None:
        return False
    waits_for_rise = order.buying != (order.request.order_type is OrderType.MARKET_IF_TOUCHED)
    return reference >= order.stop_price if waits_for_rise else reference <= order.stop_price


def follow_market(order: VenueOrder, book: Book, tick: int) -> None:
    """Moves the stop of a trailing order behind the market, never away from it; on the tick, away from the market."""
    if order.request.order_type is not OrderType.TRAILING_STOP:
        return
    reference = book.ask if order.buying else book.bid
    if reference is None:
        return
    distance = _distance(order, reference)
    if order.buying:
        stop = reference + distance
        stop += -stop % tick
    else:
        stop = max(reference - distance, tick)
        stop -= stop % tick
    order.stop_price = tighter(order, stop, order.stop_price)


def tighter(order: VenueOrder, *stops: int | None) -> int | None:
    """Of some stop prices of a trailing order the one nearest to the market; None where all are."""
    known = [stop for stop in stops if stop is not None]
    return (min if order.buying else max)(known, default=None)


def _distance(order: VenueOrder, reference: int) -> int:
    offset = order.request.trailing_offset
    assert offset is not None
    if order.request.trailing_type is OffsetType.PERCENT:
        return reference * offset // (PERCENT * PRICE_SCALE)
    return offset


def wakes_at(order: VenueOrder, tick: int) -> tuple[int, int]:
    """The quote that an order waits for triggers it, or moves its stop, at or below the one and at or above the other.

    0 and PRICE_MAX + 1 are prices that no quote has.
    """
    low, high = NOTHING
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
    """The highest ask, for a sell the lowest bid, that moves the stop of follow_market."""
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
