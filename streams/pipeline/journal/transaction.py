"""The transaction of a shard: all records that one batch writes, all or nothing."""

from dataclasses import dataclass, field

from streams.pipeline.journal.raw_records import RawOutput


@dataclass(slots=True)
class Transaction:
    """The records of a transaction. outputs_crc32: checksum of the outputs, as in the journal record."""

    sequence: int
    outputs: list[RawOutput]
    journal: RawOutput
    outputs_crc32: int
    snapshot: list[RawOutput] = field(default_factory=list)

    @property
    def records(self) -> list[RawOutput]:
        """All records: the outputs, then the journal record, then the snapshot."""
        return [*self.outputs, self.journal, *self.snapshot]
