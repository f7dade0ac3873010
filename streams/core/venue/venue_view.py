"""The view that orders have of their venue."""

from typing import Protocol

from streams.core.market.order_book import OrderBook
from streams.core.market.trades import LastMinute, RecentVolume
from streams.core.reference.instruments import Instrument
from streams.core.simulators.simulator import Simulator


class VenueRules(Protocol):
    """The rules of a venue; streams.core.core_config.CoreConfig provides and documents them."""

    @property
    def liquidity_runs_out(self) -> bool: ...

    @property
    def stale_quotes_judge_no_prints(self) -> bool: ...

    @property
    def exits_follow_entries(self) -> bool: ...


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
    rules: VenueRules

    def last_minute(self) -> LastMinute:
        """Returns the volume of the last minute."""
        return LastMinute(self.recent_volume.volume(self.time_ns), self.recent_beyond.volume(self.time_ns))

    def simulator_of(self, account_id: str) -> Simulator:
        """Returns the simulator that decides over an account's orders."""
        raise NotImplementedError
