"""What orders see of their venue."""

from streams.core.market.order_book import Book
from streams.core.market.trades import Tape
from streams.core.reference.instruments import Instrument
from streams.core.simulators.simulator import Simulator


class Surroundings:
    """The venue of a symbol: its clock, its market, and who decides over orders."""

    symbol: str
    time_ns: int
    book: Book
    tape: Tape
    instrument: Instrument | None

    def simulator_of(self, account_id: str) -> Simulator:
        """Who decides over an account's orders."""
        raise NotImplementedError
