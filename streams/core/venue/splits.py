"""The effect of a stock split on orders: quantities grow as prices shrink, and values stay.

An order whose quantity or price would leave its range has no form after the split, and is canceled.
"""

from schemas.records.bounds import as_price
from schemas.records.enums import OffsetType, Side
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import PRICE_MAX, divide_half_even
from streams.core.reference.instruments import Instrument
from streams.core.simulators.queue_place import QueuePlace
from streams.core.simulators.venue_order import VenueOrder

LESS_THAN_A_LOT = "less than a lot is left of it after the split"
OUT_OF_RANGE = "its quantity or price would be out of range after the split"


def split_order(order: VenueOrder, to: int, of: int, instrument: Instrument) -> bool:
    """Restates a working order: open quantity in whole lots, prices on the tick, bids rounded down and offers up.

    Returns False, and changes nothing, if the order would be out of range.
    """
    leaves = order.leaves * to // of
    cum_quantity = divide_half_even(order.cum_quantity * to, of)
    quantity = cum_quantity + leaves - leaves % instrument.lot_size
    price = _price(order.price, to, of, instrument.tick_size, order.buying)
    stop_price = _price(order.stop_price, to, of, instrument.tick_size, order.buying)
    if _is_out_of_range(quantity, price, stop_price):
        return False
    order.quantity, order.price, order.stop_price = quantity, price, stop_price
    order.cum_quantity = cum_quantity
    order.added_quantity = divide_half_even(order.added_quantity * to, of)
    arrival_px = order.arrival_px
    order.arrival_px = None if arrival_px is None else as_price(divide_half_even(arrival_px * of, to))
    order.queue_entry = _size(order.queue_entry, to, of)
    place = order.queue
    if place is not None:
        ahead, shown = _size(place.ahead, to, of), _size(place.shown, to, of)
        order.queue = QueuePlace(ahead, shown, place.traded * to // of)
    order.slice_left = _lots(order.slice_left, to, of, instrument.lot_size)
    order.request = _restated(order.request, to, of, instrument)
    return True


def split_request(request: ApprovedOrder, to: int, of: int, instrument: Instrument) -> ApprovedOrder | None:
    """Returns a request from before the split in terms of after it; None if it would be out of range."""
    found = _restated(request, to, of, instrument)
    return None if _is_out_of_range(found.quantity, found.price, found.stop_price) else found


def _is_out_of_range(*numbers: int | None) -> bool:
    return any(number is not None and number > PRICE_MAX for number in numbers)


def _restated(request: ApprovedOrder, to: int, of: int, instrument: Instrument) -> ApprovedOrder:
    tick, lot, bids = instrument.tick_size, instrument.lot_size, request.side is Side.BUY
    offset = request.trailing_offset
    if request.trailing_type is OffsetType.PRICE:
        offset = _price(offset, to, of, tick, bids)
    return request._replace(
        quantity=_lots(request.quantity, to, of, lot),
        price=_price(request.price, to, of, tick, bids),
        stop_price=_price(request.stop_price, to, of, tick, bids),
        trailing_offset=offset,
        display_quantity=_lots(request.display_quantity, to, of, lot),
    )


def _price(price: int | None, to: int, of: int, tick: int, down: bool) -> int | None:
    if price is None:
        return None
    ticks, rest = divmod(price * of, to * tick)
    return max(ticks + (1 if rest and not down else 0), 1) * tick


def _size(size: int | None, to: int, of: int) -> int | None:
    return None if size is None else as_price(size * to // of)


def _lots(size: int | None, to: int, of: int, lot: int) -> int | None:
    """Rounds down to whole lots, and at least one."""
    if size is None:
        return None
    found = size * to // of
    return max(found - found % lot, lot)
