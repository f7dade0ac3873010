"""A session's events from Kafka alone."""

from collections.abc import Callable, Iterator
from typing import Any

from schemas.codec import Codec
from schemas.errors import UndecodableRecord
from streams.journal.log import LogReader
from streams.journal.partitions import partition_of
from streams.sessions.fold import TOPICS


def kafka_events(
    account_id: str, session_id: str, reader: LogReader, codec: Codec, partitions: Callable[[str], int]
) -> Iterator[Any]:
    """Records that name the session, in the order that fold takes them; those that can't be decoded are left out.

    partitions: number of partitions of a topic. Raises LogUnavailable, RegistryUnavailable.
    """
    for topic in TOPICS:
        for record in reader.read(topic, partition_of(account_id, partitions(topic)), 0):
            message = _decoded(codec, topic, record.value)
            if message is not None and (message.account_id, message.session_id) == (account_id, session_id):
                yield message


def _decoded(codec: Codec, topic: str, value: bytes | None) -> Any:
    try:
        return None if value is None else codec.decode(topic, value)
    except UndecodableRecord:
        return None
