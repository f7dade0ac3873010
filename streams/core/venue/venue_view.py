"""The view that orders have of their venue."""

from streams.core.market.order_book import OrderBook
from streams.core.market.trades import RecentVolume
from streams.core.reference.instruments import Instrument
from streams.core.simulators.simulator import Simulator


class VenueView:
    """The venue of a symbol as its orders see it: clock, market, and the simulator of each account."""

    symbol: str
    time_ns: int
    book: OrderBook
    recent_volume: RecentVolume
    instrument: Instrument | None

    def simulator_of(self, account_id: str) -> Simulator:
        """Returns the simulator that decides over an account's orders."""
        raise NotImplementedError
