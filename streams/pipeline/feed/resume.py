"""Resuming a feed: the headers of each record name its table and the number of rows that are sent with it."""

from collections.abc import Iterable
from itertools import takewhile
from time import monotonic, sleep

from confluent_kafka import Consumer, TopicPartition

from infra.kafka.client_config import brief_client_config
from infra.kafka.topics import topic_name
from infra.settings import Settings
from streams.errors import LogUnavailable
from streams.pipeline.journal.kafka_log import OPEN_TRANSACTION_S, KafkaLogReader, watermarks
from streams.pipeline.journal.raw_records import Headers

TOPIC = "market.data"
FEED_ID, FEED_ROW = "feed-id", "feed-row"
FIRST_LOOK_RECORDS = 1_000
LOOK_GROWTH = 8
POLL_S = 0.2


def headers(name: str, row: int) -> Headers:
    """Returns the headers of the records of one transaction of a feed."""
    return ((FEED_ID, name.encode()), (FEED_ROW, str(row).encode()))


def fed_rows(settings: Settings, name: str, partitions: Iterable[int]) -> int:
    """Returns the number of rows of a feed that are on market.data. partitions: those of its symbols.

    No process may be writing the feed. Raises LogUnavailable.
    """
    reader = KafkaLogReader(settings)
    return max(_newest_row(reader, name, partition, settled_end(settings, partition)) for partition in partitions)


def settled_end(settings: Settings, partition: int) -> int:
    """Returns the end of a partition of market.data, once every record before it is committed or aborted.

    Until then, an open transaction hides committed records behind it. Raises LogUnavailable.
    """
    place = TopicPartition(topic_name(settings, TOPIC), partition)
    client = brief_client_config(settings) | {"group.id": f"{settings.topic_prefix}feed"}
    everything = Consumer(client | {"isolation.level": "read_uncommitted"})
    committed = Consumer(client | {"isolation.level": "read_committed"})
    try:
        end = watermarks(everything, place)[1]
        deadline = monotonic() + OPEN_TRANSACTION_S
        while watermarks(committed, place)[1] < end:
            if monotonic() > deadline:
                raise LogUnavailable(
                    f"{place.topic}-{partition}: a transaction has been open for {OPEN_TRANSACTION_S:.0f} s"
                )
            sleep(POLL_S)
    finally:
        everything.close()
        committed.close()
    return end


def _newest_row(reader: KafkaLogReader, name: str, partition: int, end: int) -> int:
    """Returns the row of the feed's newest record in a partition, or 0. Searches from the end, in growing strides."""
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
    """Returns the row of a record of the feed, or None. Ignores records that others sent again, with more headers."""
    values = dict(found)
    if values.keys() != {FEED_ID, FEED_ROW} or values[FEED_ID] != name.encode():
        return None
    return int(values[FEED_ROW])
