"""Days of honest paper trading: the real core trades in memory, and its records are written to a stack's topics.

So every row is a record, every record is made again by a replay, and a worker goes on from the journals. Records carry
the times at which a broker would have appended them on a live market. Only the administrator of a cluster can write
such times, because the topics take the broker's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from infra.kafka.client_config import client_config
from infra.kafka.topics import topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from schemas.records.enums import Side, TimeInForce
from schemas.records.numbers import NANOS_PER_MS
from schemas.registry import Registry
from streams.pipeline.journal.kafka_log import pipeline_proof
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.reference.load_config import core_config
from tests import builders
from tests.pipeline.journal.pipeline import MemoryPipeline

SYMBOL = "ACME.SIM"
SOURCE = "live:test:made"
DAYS = 66
FLUSH_S = 60.0
NEVER = 1_000_000_000
QUIET, QUIET_QUOTES = 1_200 * builders.SECOND, 4
"""Time between the quotes after the last trade of a day, and their number: a day's market takes over an hour."""
MINUTE, DAY = 60 * builders.SECOND, 24 * 3600 * builders.SECOND
GAINS = ("0.40", "-0.10", "0.30", "0.20", "-0.05", "0.25")
"""Changes of the bid between buying and selling, repeated in turn."""
SWINGS = ("0.20", "0.60", "1.20")
"""Rises of the day's price, repeated in turn: days of three ranges."""


class PaperDays(MemoryPipeline):
    """A pipeline in memory with the configuration of a stack. registered: its records can be written there."""

    def __init__(self, settings: Settings, registered: bool) -> None:
        self.settings = settings
        codec = Codec(Registry(settings) if registered else MemoryRegistry())
        self._now = builders.START
        self._appended: dict[tuple[str, int], list[int]] = defaultdict(list)
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
            self._quote("50.00", at + builders.SECOND)
            self._quote(gain, at + MINUTE)
            self._order(account, f"s-{day}-{trip}", Side.SELL, at + MINUTE)
            self._quote(gain, at + MINUTE + builders.SECOND)
            at += 2 * MINUTE
        self._quote(px_text("50.00", SWINGS[day % len(SWINGS)]), at)
        for _ in range(QUIET_QUOTES):
            at += QUIET
            self._quote("50.10" if day % 2 else "49.90", at)

    def _quote(self, bid: str, at: int) -> None:
        quote = builders.quote(bid, px_text(bid, "0.02"), "1000", "1000", at=at, symbol=SYMBOL)
        quote = quote._replace(source=SOURCE)
        self.send("market.data", SYMBOL, quote, partition_of(SYMBOL, self.config.execution_partitions))
        self._run_at(at)

    def _order(self, account: str, name: str, side: Side, at: int) -> None:
        order = builders.new(name, side, "100", tif=TimeInForce.IOC, symbol=SYMBOL, account=account, ts=at)
        self.send("orders", account, order, partition_of(account, self.config.account_partitions))
        self._run_at(at)

    def _run_at(self, now_ns: int) -> None:
        """Lets the shards work at a time of the broker's."""
        self._now = now_ns
        self.run()

    def run(self) -> None:
        """See MemoryPipeline. Notes when the broker would have appended the new records."""
        super().run()
        for place, log in self.log.partitions.items():
            appended = self._appended[place]
            appended += [self._now] * (len(log) - len(appended))

    def write(self) -> None:
        """Writes all records to the stack's topics, which must be empty: each gets the offset that it has in memory.

        Snapshots are left out: they name topics that are in memory only.
        """
        producer = Producer(client_config(self.settings))
        written = {place: log for place, log in self.log.partitions.items() if not place[0].startswith("snapshots.")}
        with producers_times(self.settings, sorted({topic for topic, _ in written})):
            for (topic, partition), log in sorted(written.items()):
                for record, appended_ns in zip(log, self._appended[topic, partition], strict=True):
                    producer.produce(
                        topic_name(self.settings, topic), partition=partition, key=record.key, value=record.value,
                        headers=list(record.headers), timestamp=appended_ns // NANOS_PER_MS, on_delivery=_delivered,
                    )  # fmt: skip
                assert producer.flush(FLUSH_S) == 0


@contextmanager
def producers_times(settings: Settings, topics: Iterable[str]) -> Iterator[None]:
    """Lets topics keep their producers' times until the block ends, as only the administrator of the cluster can."""
    names = [topic_name(settings, topic) for topic in topics]
    _set_stamps(settings, names, "CreateTime")
    try:
        yield
    finally:
        _set_stamps(settings, names, "LogAppendTime")


def _set_stamps(settings: Settings, names: list[str], kind: str) -> None:
    admin = AdminClient(client_config(settings))
    entry = ConfigEntry("message.timestamp.type", kind, incremental_operation=AlterConfigOpType.SET)
    wanted = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry]) for name in names]
    for future in admin.incremental_alter_configs(wanted).values():
        future.result(FLUSH_S)


def px_text(price: str, change: str) -> str:
    """Returns a price with two decimals, changed by some."""
    return f"{float(price) + float(change):.2f}"


def _delivered(error: object, message: object) -> None:
    assert error is None, error
