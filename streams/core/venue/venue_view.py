"""The view that orders have of their venue."""

from streams.core.market.order_book import OrderBook
from streams.core.market.trades import LastMinute, RecentVolume
from streams.core.reference.instruments import Instrument
from streams.core.simulators.simulator import Simulator


class VenueView:
    """The venue of a symbol as its orders see it: clock, market, and the simulator of each account."""

    symbol: str
    time_ns: int
    book: OrderBook
    recent_volume: RecentVolume
    """Volume of the market's trades."""
    recent_beyond: RecentVolume
    """Volume that simulated orders took beyond the displayed size."""
    instrument: Instrument | None
    liquidity_runs_out: bool
    """See streams.core.core_config.CoreConfig."""

    def last_minute(self) -> LastMinute:
        """Returns the volume of the last minute."""
        return LastMinute(self.recent_volume.volume(self.time_ns), self.recent_beyond.volume(self.time_ns))

    def simulator_of(self, account_id: str) -> Simulator:
        """Returns the simulator that decides over an account's orders."""
        raise NotImplementedError
