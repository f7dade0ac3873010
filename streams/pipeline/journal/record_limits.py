"""Limits of an input record beside its body, within which a shard can forward it or write its dead letter."""

from infra.kafka.topics import BY_NAME
from streams.pipeline.journal.dead_letters import BadRecord
from streams.pipeline.journal.quarantine import HEADERS_NOT_READABLE
from streams.pipeline.journal.raw_records import UNREADABLE_HEADERS, RawOutput, RawRecord, batch_bytes

HEADERS_MAX = 100
HEADER_BYTES_MAX = 64 * 1024


def check_headers(record: RawRecord) -> None:
    """Raises BadRecord for headers that the Kafka client can't read, too many headers, or too large ones."""
    headers = record.headers
    if headers == UNREADABLE_HEADERS:
        text = (
            f"the name of a header of this {record.topic} record is no UTF-8, so that none of its headers can be read"
        )
        raise BadRecord(HEADERS_NOT_READABLE, text)
    size = sum(len(name.encode()) + len(content) for name, content in headers)
    if len(headers) > HEADERS_MAX or size > HEADER_BYTES_MAX:
        text = (
            f"this {record.topic} record has {len(headers)} headers with {size} bytes; at most {HEADERS_MAX} headers "
            f"with {HEADER_BYTES_MAX} bytes are taken"
        )
        raise BadRecord("HEADERS_TOO_LARGE", text)


def check_forwarded(output: RawOutput, origin: int) -> None:
    """Raises BadRecord if Kafka might not take a record that is forwarded. origin: the partition that it came from."""
    size, limit = batch_bytes(output.key, output.value, output.headers), BY_NAME[output.topic].max_message_bytes
    if size > limit:
        text = (
            f"sent to partition {origin}, this {output.topic} record belongs to {output.partition}, and is too large "
            f"to be forwarded: {size} bytes without compression, at most {limit}; send it to its own partition"
        )
        raise BadRecord("TOO_LARGE_TO_FORWARD", text)
