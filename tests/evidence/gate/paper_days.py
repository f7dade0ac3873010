"""Days of honest paper trading: the real core trades in memory, and its records are written to a stack's topics.

So every row is a record, every record is made again by a replay, and a worker goes on from the journals.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer

from infra.kafka.client_config import client_config
from infra.kafka.topics import topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.enums import Side, TimeInForce
from schemas.registry import Registry
from streams.pipeline.journal.kafka_log import pipeline_proof
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.reference.load_config import core_config
from tests import builders
from tests.pipeline.journal.pipeline import MemoryPipeline

SYMBOL = "ACME.SIM"
DAYS = 66
FLUSH_S = 60.0
NEVER = 1_000_000_000
MINUTE, DAY = 60 * builders.SECOND, 24 * 3600 * builders.SECOND
GAINS = ("0.40", "-0.10", "0.30", "0.20", "-0.05", "0.25")
"""Changes of the bid between buying and selling, repeated in turn."""
SWINGS = ("0.20", "0.60", "1.20")
"""How far the day's price goes, repeated in turn: days of three ranges."""


class PaperDays(MemoryPipeline):
    """A pipeline in memory with the configuration of a stack. registered: its records can be written there."""

    def __init__(self, settings: Settings, registered: bool) -> None:
        self.settings = settings
        codec = Codec(Registry(settings) if registered else MemoryRegistry())
        super().__init__(core_config(settings), NEVER, proof=pipeline_proof(settings), codec=codec)

    def trade(self, strategy: str, account: str, days: int = DAYS, **session: Any) -> None:
        """Opens a session and trades two round trips a day, most with a gain. session: more fields of the opening."""
        opened = builders.opening(account, "100000", strategy_id=strategy, **session)
        self.send("controls", account, opened, partition_of(account, self.config.account_partitions))
        self.run()
        for day in range(days):
            self._day(account, day)

    def _day(self, account: str, day: int) -> None:
        at = builders.START + day * DAY
        for trip in range(2):
            gain = px_text("50.00", GAINS[(2 * day + trip) % len(GAINS)])
            self._quote("50.00", at)
            self._order(account, f"b-{day}-{trip}", Side.BUY, at)
            self._quote(gain, at + MINUTE)
            self._order(account, f"s-{day}-{trip}", Side.SELL, at + MINUTE)
            at += 2 * MINUTE
        self._quote(px_text("50.00", SWINGS[day % len(SWINGS)]), at)
        self._quote("50.10" if day % 2 else "49.90", at + MINUTE)

    def _quote(self, bid: str, at: int) -> None:
        quote = builders.quote(bid, px_text(bid, "0.02"), "1000", "1000", at=at, symbol=SYMBOL)
        self.send("market.data", SYMBOL, quote, partition_of(SYMBOL, self.config.execution_partitions))
        self.run()

    def _order(self, account: str, name: str, side: Side, at: int) -> None:
        order = builders.new(name, side, "100", tif=TimeInForce.IOC, symbol=SYMBOL, account=account, ts=at)
        self.send("orders", account, order, partition_of(account, self.config.account_partitions))
        self.run()

    def write(self) -> None:
        """Writes all records to the stack's topics, which must be empty: each gets the offset that it has in memory.

        Snapshots are left out: they name topics that are in memory only.
        """
        producer = Producer(client_config(self.settings))
        written = {place: log for place, log in self.log.partitions.items() if not place[0].startswith("snapshots.")}
        for (topic, partition), log in sorted(written.items()):
            for record in log:
                producer.produce(
                    topic_name(self.settings, topic), partition=partition, key=record.key, value=record.value,
                    headers=list(record.headers), on_delivery=_delivered,
                )  # fmt: skip
            assert producer.flush(FLUSH_S) == 0


def px_text(price: str, change: str) -> str:
    """Returns a price with two decimals, changed by some."""
    return f"{float(price) + float(change):.2f}"


def _delivered(error: object, message: object) -> None:
    assert error is None, error
