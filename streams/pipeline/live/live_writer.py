"""The writer of a live feed: the one owner of its symbols on market.data."""

import time
from collections.abc import Sequence
from hashlib import sha256
from secrets import token_hex

from confluent_kafka import KafkaException

from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import MarketData
from schemas.records.numbers import NANOS_PER_S
from streams.errors import DeliveryError, FeedError, Fenced, LogUnavailable
from streams.pipeline.feed.resume import TOPIC
from streams.pipeline.journal.kafka_log import KafkaTransactions
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.live.live_times import FAR_NS
from streams.pipeline.live.market_tail import FeedMark, SymbolTail, symbol_tails

ALIVE_NS = 5 * NANOS_PER_S
"""Age of a feed's newest record below which it is alive; it writes each second."""
AHEAD_NS = 2 * FAR_NS
"""Lead of a symbol's market data over this computer's clock above which a live feed can't go on from them."""
TAKING_OVER_S = 5.0
"""Time in which a run that has fenced another one writes its first record."""
NAME_CHARS = 16
AGAIN = "run the same command again"


def feed_name(symbols: Sequence[str]) -> str:
    """Returns the name that its symbols give a live feed, whatever their order."""
    return sha256("\0".join(sorted(symbols)).encode()).hexdigest()[:NAME_CHARS]


class LiveWriter:
    """The only writer of its symbols. Creating one fences an earlier run with the same symbols, even a frozen one.

    A feed with other symbols that shares one is refused while it is alive, and fenced if it is not.

    tails: the newest record of each symbol before this run.
    """

    def __init__(self, settings: Settings, codec: Codec, symbols: Sequence[str]) -> None:
        """Takes the symbols over.

        Raises FeedError if another live feed writes one of them, or if market data of one are ahead of the clock;
        DeliveryError if the broker is away.
        """
        self._settings = settings
        self._codec = codec
        self._symbols = symbols
        self._partitions = partition_count(settings, TOPIC)
        self._mark = FeedMark(feed_name(symbols), token_hex(4), 0)
        self.tails = self._take_over()

    def write(self, records: Sequence[MarketData]) -> None:
        """Writes records in one transaction. Waits while the broker is away, and writes nothing twice.

        Raises DeliveryError if it is away for too long, FeedError if another run has taken over.
        """
        self._mark = self._mark._replace(number=self._mark.number + 1)
        outputs = [self._output(record) for record in records]
        try:
            self._transactions.write(outputs)
        except (Fenced, LogUnavailable) as error:
            # Fenced may mean another owner, or that the broker aborted the transaction after it was away for long.
            self._write_again(outputs, error)

    def demand_first(self) -> None:
        """Demands that no other live feed has taken a symbol over at the same moment. Raises FeedError."""
        self._demand_own(self._tails())

    def close(self) -> None:
        """Drops records that are not committed."""
        self._transactions.close()

    def _output(self, record: MarketData) -> RawOutput:
        partition = partition_of(record.symbol, self._partitions)
        value = self._codec.encode(TOPIC, record)
        return RawOutput(TOPIC, partition, record.symbol.encode(), value, self._mark.headers)

    def _take_over(self) -> dict[str, SymbolTail]:
        # This aborts what an earlier run has left open, for which readers would wait.
        self._transactions = self._opened(self._mark.feed)
        tails = self._tails()
        others = self._other_feeds(tails)
        if others:
            for other in others:
                self._opened(other).close()
            tails = self._tails()
            self._other_feeds(tails)
        self._demand_behind(tails)
        return tails

    def _other_feeds(self, tails: dict[str, SymbolTail]) -> list[str]:
        """Returns the names of the other feeds that wrote the symbols last. Raises FeedError if one is alive."""
        others = []
        for symbol, tail in tails.items():
            if tail.mark is None or tail.mark.feed == self._mark.feed:
                continue
            age_ns = time.time_ns() - tail.written_ns
            if age_ns < ALIVE_NS:
                raise FeedError(
                    f"{symbol}: another live feed writes this symbol, the last time {age_ns / NANOS_PER_S:.1f} s ago; "
                    "a symbol has one owner: stop the other feed, or leave the symbol out"
                )
            others.append(tail.mark.feed)
        return sorted(set(others))

    def _demand_behind(self, tails: dict[str, SymbolTail]) -> None:
        now_ns = time.time_ns()
        for symbol, tail in tails.items():
            if tail.time_ns > now_ns + AHEAD_NS:
                raise FeedError(
                    f"{symbol}: market.data is already {(tail.time_ns - now_ns) / NANOS_PER_S:,.0f} s ahead of this "
                    "computer's clock, so live data would step back: correct the clock, or use another TOPIC_PREFIX "
                    "and RUN_ID if another market was fed there"
                )

    def _demand_own(self, tails: dict[str, SymbolTail]) -> None:
        for symbol, tail in tails.items():
            if tail.mark is None or tail.mark.run != self._mark.run:
                raise FeedError(
                    f"{symbol}: another process has taken this symbol over; this feed stops, because a symbol has one "
                    "owner"
                )

    def _write_again(self, outputs: Sequence[RawOutput], reason: Exception) -> None:
        """Takes the feed over again and repeats a failed transaction, unless it was committed after all."""
        self._transactions.close()
        if self._mark.number == 1:
            raise FeedError(f"market.data: {reason}; another process may feed these symbols; {AGAIN}") from reason
        time.sleep(TAKING_OVER_S)
        self._demand_own(self._tails())
        self._transactions = self._opened(self._mark.feed)
        tails = self._tails()
        self._demand_own(tails)
        if any(tail.mark == self._mark for tail in tails.values()):
            return
        try:
            self._transactions.write(outputs)
        except (Fenced, LogUnavailable) as error:
            raise DeliveryError(f"market.data: {error}; {AGAIN}, the gap is marked") from reason

    def _tails(self) -> dict[str, SymbolTail]:
        try:
            return symbol_tails(self._settings, self._codec, self._symbols)
        except KafkaException as failure:
            raise DeliveryError(f"market.data: {failure.args[0].str()}; is the broker up? {AGAIN}") from failure
        except LogUnavailable as error:
            raise DeliveryError(f"market.data: {error}; {AGAIN}") from error

    def _opened(self, name: str) -> KafkaTransactions:
        try:
            return KafkaTransactions(self._settings, f"feed-live-{name}")
        except KafkaException as failure:
            raise DeliveryError(f"market.data: {failure.args[0].str()}; is the broker up? {AGAIN}") from failure
        except LogUnavailable as error:
            raise DeliveryError(f"market.data: {error}; {AGAIN}") from error
