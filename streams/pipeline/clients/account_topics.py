"""Reading what a topic says about one account: its partition alone, and the records with its key."""

from typing import Any, NamedTuple

from infra.kafka.partition_check import check_partitions
from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.partitions import partition_of


class AccountRecords(NamedTuple):
    """The decoded records of an account in a topic, oldest first. next_offset: the first that was not read."""

    messages: list[Any]
    partition: int
    next_offset: int


def read_account_topic(settings: Settings, codec: Codec, topic: str, account_id: str) -> AccountRecords:
    """Returns the records of an account up to the present end of a topic. Skips undecodable records.

    Raises TopicError, LogUnavailable.
    """
    check_partitions(settings)
    partition = partition_of(account_id, partition_count(settings, topic))
    alone, of_symbols = account_id.encode(), f"{account_id}|".encode()
    messages: list[Any] = []
    next_offset = 0
    for record in KafkaLogReader(settings).read(topic, partition, 0):
        next_offset = record.offset + 1
        key = record.key or b""
        if record.value is None or not (key == alone or key.startswith(of_symbols)):
            continue
        try:
            messages.append(codec.decode(topic, record.value))
        except UndecodableRecord:
            continue
    return AccountRecords(messages, partition, next_offset)
