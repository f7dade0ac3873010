"""Dead letters: the original bytes of a refused record, and headers with its place and the reason."""

from collections.abc import Mapping

from infra.kafka.topics import BY_NAME, DLQ_MARGIN_BYTES
from streams.pipeline.journal.raw_records import UNREADABLE_HEADERS, RawOutput, RawRecord, batch_bytes

DLQ_PARTITION = 0
MESSAGE_CHARS_MAX = 1_000
CUT_KEY_BYTES = 1_000
ORIGINAL = "original."
CUT = "cut"
DIGITS_MAX = 19


class BadRecord(Exception):
    """A record that can never be processed. error_class: a stable code; text: a sentence."""

    def __init__(self, error_class: str, text: str) -> None:
        super().__init__(text)
        self.error_class = error_class
        self.text = text


def dead_letter(record: RawRecord, stage: str, error: BadRecord) -> RawOutput:
    """Returns the dead letter of a record, which always fits its topic.

    A record that its client sent compressed may be larger than its topic accepts from us, and the names of its headers
    grow. A record for which that is too much is cut, and the header `cut` holds its original size.
    """
    topic = f"dlq.{record.topic}"
    headers = [
        ("topic", record.topic.encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
        ("stage", stage.encode()),
        ("error_class", error.error_class.encode()),
        ("message", error.text[:MESSAGE_CHARS_MAX].encode(errors="backslashreplace")),
    ]
    originals = record.headers if record.headers != UNREADABLE_HEADERS else ()
    whole = (*headers, *((ORIGINAL + name, content) for name, content in originals))
    size, limit = _size(record), BY_NAME[record.topic].max_message_bytes
    if size <= limit and (not originals or batch_bytes(record.key, record.value, whole) <= limit + DLQ_MARGIN_BYTES):
        return RawOutput(topic, DLQ_PARTITION, record.key, record.value, whole)
    key, value = record.key and record.key[:CUT_KEY_BYTES], record.value and record.value[: limit - CUT_KEY_BYTES]
    return RawOutput(topic, DLQ_PARTITION, key, value, (*headers, (CUT, str(size).encode())))


def _size(record: RawRecord) -> int:
    headers = sum(len(ORIGINAL) + len(name) + len(content) for name, content in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def source_place(headers: Mapping[str, bytes]) -> tuple[int, int]:
    """Returns partition and offset of the refused record; -1 for each that the headers do not hold."""
    return _number(headers.get("partition"), 2**31), _number(headers.get("offset"), 2**63)


def _number(text: bytes | None, limit: int) -> int:
    if text is None or not text.isdigit() or len(text) > DIGITS_MAX:
        return -1
    return int(text) if int(text) < limit else -1
