"""How far a feed has come: every record says which table it is from and how many of its rows stand there with it."""

from collections.abc import Iterable
from hashlib import sha256
from itertools import takewhile
from time import monotonic, sleep

from confluent_kafka import Consumer, TopicPartition

from infra.kafka.client_config import brief_client_config
from infra.kafka.topics import topic_name
from infra.settings import Settings
from streams.errors import LogUnavailable
from streams.pipeline.feed.table import COLUMNS, LEVEL_COLUMNS, MarketTable
from streams.pipeline.journal.kafka_log import KafkaLogReader, watermarks
from streams.pipeline.journal.raw_records import Headers

TOPIC = "market.data"
FEED_ID, FEED_ROW = "feed-id", "feed-row"
ID_CHARS = 16
FIRST_LOOK_RECORDS = 1_000
LOOK_GROWTH = 8
SETTLE_S = 90.0
"""Longer than the broker keeps a transaction open whose writer is gone."""
POLL_S = 0.2


def feed_id(table: MarketTable) -> str:
    """Names a table by its content: the same updates are the same feed, wherever they are read from."""
    content = sha256("\0".join(table.symbols).encode())
    for column in ("symbol", *COLUMNS, *LEVEL_COLUMNS):
        content.update(getattr(table, column).tobytes())
    return content.hexdigest()[:ID_CHARS]


def headers(name: str, row: int) -> Headers:
    """What the records of one transaction of a feed carry."""
    return ((FEED_ID, name.encode()), (FEED_ROW, str(row).encode()))


def fed_rows(settings: Settings, name: str, partitions: Iterable[int]) -> int:
    """Rows of a feed that stand on market.data, in partitions that hold its symbols; nobody may be writing it.

    Raises LogUnavailable.
    """
    reader = KafkaLogReader(settings)
    return max(_newest_row(reader, name, partition, settled_end(settings, partition)) for partition in partitions)


def settled_end(settings: Settings, partition: int) -> int:
    """End of a partition of market.data, once every record before it is committed or aborted.

    Until then committed records behind somebody's open transaction are not to be seen. Raises LogUnavailable.
    """
    place = TopicPartition(topic_name(settings, TOPIC), partition)
    client = brief_client_config(settings) | {"group.id": f"{settings.topic_prefix}feed"}
    everything = Consumer(client | {"isolation.level": "read_uncommitted"})
    committed = Consumer(client | {"isolation.level": "read_committed"})
    try:
        end = watermarks(everything, place)[1]
        deadline = monotonic() + SETTLE_S
        while watermarks(committed, place)[1] < end:
            if monotonic() > deadline:
                raise LogUnavailable(f"{place.topic}-{partition}: a transaction has been open for {SETTLE_S:.0f} s")
            sleep(POLL_S)
    finally:
        everything.close()
        committed.close()
    return end


def _newest_row(reader: KafkaLogReader, name: str, partition: int, end: int) -> int:
    """The row of the feed's newest record of a partition, 0 where it has none: looked for from the end, in strides."""
    low = reader.bounds([TOPIC], partition)[TOPIC][0]
    look = FIRST_LOOK_RECORDS
    while end > low:
        start = max(low, end - look)
        records = takewhile(lambda record: record.offset < end, reader.read(TOPIC, partition, start))  # noqa: B023
        rows = [row for record in records if (row := _row(record.headers, name)) is not None]
        if rows:
            return rows[-1]
        end, look = start, look * LOOK_GROWTH
    return 0


def _row(found: Headers, name: str) -> int | None:
    """Only of a record as the feed wrote it: one that was sent again by others stands where it does not belong."""
    values = dict(found)
    if values.keys() != {FEED_ID, FEED_ROW} or values[FEED_ID] != name.encode():
        return None
    return int(values[FEED_ROW])
