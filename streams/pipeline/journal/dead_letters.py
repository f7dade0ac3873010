"""Dead letters: the original bytes of a refused record, and headers with its place and the reason."""

from collections.abc import Mapping

from infra.kafka.topics import BY_NAME
from streams.pipeline.journal.raw_records import RawOutput, RawRecord

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
    """Returns the dead letter of a record.

    A record that its client sent compressed may be larger than its topic accepts from us. Such a record is cut, and the
    header `cut` holds its original size.
    """
    size, limit = _size(record), BY_NAME[record.topic].max_message_bytes
    key, value, originals = record.key, record.value, record.headers
    headers = [
        ("topic", record.topic.encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
        ("stage", stage.encode()),
        ("error_class", error.error_class.encode()),
        ("message", error.text[:MESSAGE_CHARS_MAX].encode()),
    ]
    if size > limit:
        key, value, originals = key and key[:CUT_KEY_BYTES], value and value[: limit - CUT_KEY_BYTES], ()
        headers.append((CUT, str(size).encode()))
    headers += [(ORIGINAL + name, content) for name, content in originals]
    return RawOutput(f"dlq.{record.topic}", DLQ_PARTITION, key, value, tuple(headers))


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
