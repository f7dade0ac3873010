"""The reasons for which a venue refuses an arriving order."""

from collections.abc import Mapping

from streams.core.simulators.venue_order import OrderKey, VenueOrder
from streams.core.venue.linked_orders import LinkedOrders
from streams.core.venue.venue_view import VenueView


def entry_refusal(
    venue: VenueView, order: VenueOrder, links: LinkedOrders, working: Mapping[OrderKey, VenueOrder], takes: bool
) -> tuple[str, str] | None:
    """Returns code and text of a refusal, None if the order may enter. takes: it is post-only and would take."""
    request = order.request
    if venue.instrument is None:
        return "UNKNOWN_INSTRUMENT", f"instrument {venue.symbol} is not in the reference data"
    if venue.instrument.is_expired(venue.time_ns):
        return "INSTRUMENT_EXPIRED", f"order {request.order_id}: {venue.symbol} has expired; trade another instrument"
    refusal = venue.simulator_of(request.account_id).refuse(order)
    if refusal is not None:
        return refusal
    if request.expire_ts is not None and request.expire_ts <= venue.time_ns:
        return "EXPIRE_TIME_PASSED", f"order {request.order_id}: its expire_ts had passed when it arrived"
    parent = request.parent_order_id
    if parent is not None and not links.knows(request.account_id, parent, working):
        return "UNKNOWN_PARENT", f"order {request.order_id}: parent order {parent} is not known at the venue"
    if takes:
        return "POST_ONLY_WOULD_TAKE", f"order {request.order_id}: post-only, and it would trade at once"
    return None
