"""The market of a live feed: rows of market.data from what a source says, and halts of what it can't show."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.core.market.market_data import BOOK, HALT, QUOTE, RESUME
from streams.core.market.order_book import LEVELS_KEPT_NS
from streams.pipeline.live.live_rows import ImpossibleUpdate, LiveRow, kind_and_numbers
from streams.pipeline.live.live_times import LiveTimes
from streams.pipeline.live.source import LiveBook, LiveHalt, LiveQuote, LiveResume, LiveTrade
from streams.pipeline.live.update_queue import Overflow, Queued

OnNotice = Callable[[str], None]
"""Takes a sentence for the person who runs the feed."""

NOT_ASKED = ""
"""Stands in the counts for all symbols that the source was not asked for."""


@dataclass(slots=True)
class _SymbolState:
    """The state of a symbol.

    vouched: the source vouches for it. halted: market.data says so. book_ns: market time of its last book, 0 if none.
    """

    vouched: bool = True
    halted: bool = False
    book_ns: int = 0


class LiveMarket:
    """The symbols of a feed. Each begins halted, see begin(), with a gap that only fresh data close.

    A halt is written as soon as the source can't vouch for a symbol, the feed has missed updates of it, or a quote or a
    book of it is impossible. Then the next quote is written, and the resumption behind it, so that no order meets the
    prices from before the gap. A symbol with a book younger than LEVELS_KEPT_NS needs a book for that: a quote would
    leave the old levels behind it.

    Attributes:
        gaps: halts of symbols, without those at the beginning.
        refused: updates that no market can have.
        withheld: quotes and books of symbols that the source did not vouch for. Trades pass: they are facts, and meet
            no order while the symbol is halted.
    """

    def __init__(self, symbols: Sequence[str], times: LiveTimes, books: Mapping[str, int], on_notice: OnNotice) -> None:
        """books: market time of the last book on market.data, by symbol."""
        self._states = {symbol: _SymbolState(book_ns=books.get(symbol, 0)) for symbol in symbols}
        self._times = times
        self._on_notice = on_notice
        self.gaps = 0
        self.refused = 0
        self.withheld = 0
        self._refusals = Counter[str]()

    @property
    def halted(self) -> list[str]:
        """Symbols that are halted, in order."""
        return [symbol for symbol, state in self._states.items() if state.halted]

    def begin(self, now_ns: int) -> list[LiveRow]:
        """Returns the halts that mark the gap before the feed, of all symbols, whether they are halted or not."""
        for state in self._states.values():
            state.halted = True
        return [LiveRow(symbol, HALT, self._times.own_ns(symbol, now_ns)) for symbol in self._states]

    def halt_all(self, now_ns: int) -> list[LiveRow]:
        """Returns the halts of all symbols that are not halted."""
        return [row for symbol in self._states for row in self._halt(symbol, now_ns)]

    def take(self, updates: Iterable[Queued]) -> list[LiveRow]:
        """Returns the rows of updates, in their order. Updates of other symbols are refused."""
        return [row for update in updates for row in self._take(update)]

    def _take(self, update: Queued) -> list[LiveRow]:
        if isinstance(update, Overflow):
            self._on_notice("the queue was full: updates are missing, all symbols are halted until fresh ones come")
            return self.halt_all(update.received_ns)
        state = self._states.get(update.symbol)
        if state is None:
            self._refuse(NOT_ASKED, f"{update.symbol}: the source was not asked for this symbol")
            return []
        if isinstance(update, LiveHalt):
            if state.vouched:
                self._on_notice(f"{update.symbol}: halted: {update.reason}")
            state.vouched = False
            return self._halt(update.symbol, update.received_ns)
        if isinstance(update, LiveResume):
            state.vouched = True
            return self._halt(update.symbol, update.received_ns)
        return self._data(state, update)

    def _data(self, state: _SymbolState, update: LiveQuote | LiveTrade | LiveBook) -> list[LiveRow]:
        if not (state.vouched or isinstance(update, LiveTrade)):
            self.withheld += 1
            return []
        symbol = update.symbol
        try:
            kind, numbers, bids = kind_and_numbers(update)
        except ImpossibleUpdate as error:
            self._refuse(symbol, f"{symbol}: {error}")
            return [] if isinstance(update, LiveTrade) else self._halt(symbol, update.received_ns)
        time_ns = self._times.next_ns(symbol, update.exchange_ns, update.received_ns)
        row = LiveRow(symbol, kind, time_ns, numbers, bids)
        is_fresh = kind == BOOK or (kind == QUOTE and time_ns - state.book_ns > LEVELS_KEPT_NS)
        if kind == BOOK:
            state.book_ns = time_ns
        if not (state.halted and is_fresh):
            return [row]
        state.halted = False
        self._on_notice(f"{symbol}: trades")
        return [row, LiveRow(symbol, RESUME, self._times.own_ns(symbol, update.received_ns))]

    def _refuse(self, symbol: str, why: str) -> None:
        """Counts an update that is left out, and says so at the first one of a symbol, the tenth, the hundredth ..."""
        self.refused += 1
        self._refusals[symbol] += 1
        count = str(self._refusals[symbol])
        if count == "1" + "0" * (len(count) - 1):
            self._on_notice(f"{why}; the update is left out, number {count} of this kind")

    def _halt(self, symbol: str, now_ns: int) -> list[LiveRow]:
        state = self._states[symbol]
        if state.halted:
            return []
        state.halted = True
        self.gaps += 1
        return [LiveRow(symbol, HALT, self._times.own_ns(symbol, now_ns))]
