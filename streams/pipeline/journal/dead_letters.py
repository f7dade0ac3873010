"""Dead letters: the original bytes, and headers that say where they came from and why."""

from infra.kafka.topics import BY_NAME
from streams.pipeline.journal.raw_records import RawOutput, RawRecord

DLQ_PARTITION = 0
MESSAGE_CHARS_MAX = 1_000
CUT_KEY_BYTES = 1_000
ORIGINAL = "original."
CUT = "cut"


class BadRecord(Exception):
    """A record that can't be processed, now or later. error_class is a stable word, the text a sentence."""

    def __init__(self, error_class: str, text: str) -> None:
        super().__init__(text)
        self.error_class = error_class
        self.text = text


def dead_letter(record: RawRecord, stage: str, error: BadRecord) -> RawOutput:
    """The record as it goes to its dead-letter topic.

    One that came compressed may be larger than what its topic takes of us: then it is cut, and header `cut` says so.
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
