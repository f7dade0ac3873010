"""What orders see of their venue."""

from streams.domain.book import Book
from streams.domain.instruments import Instrument
from streams.domain.tape import Tape
from streams.execution.simulator import Simulator


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
