"""Dead letters: the original bytes, and headers that say where they came from and why."""

from streams.journal.records import RawOutput, RawRecord

DLQ_PARTITION = 0


class BadRecord(Exception):
    """A record that can't be processed, now or later. error_class is a stable word, the text a sentence."""

    def __init__(self, error_class: str, text: str) -> None:
        super().__init__(text)
        self.error_class = error_class
        self.text = text


def dead_letter(record: RawRecord, stage: str, error: BadRecord) -> RawOutput:
    """The record as it goes to its dead-letter topic."""
    headers = (
        ("topic", record.topic.encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
        ("stage", stage.encode()),
        ("error_class", error.error_class.encode()),
        ("message", error.text.encode()),
        *((f"original.{name}", value) for name, value in record.headers),
    )
    return RawOutput(f"dlq.{record.topic}", DLQ_PARTITION, record.key, record.value or b"", headers)
