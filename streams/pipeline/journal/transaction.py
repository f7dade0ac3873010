"""What one batch of a shard writes, all or nothing."""

from dataclasses import dataclass, field

from streams.pipeline.journal.raw_records import RawOutput


@dataclass(slots=True)
class Transaction:
    """outputs_crc32: the checksum that the journal record vouches for them by."""

    sequence: int
    outputs: list[RawOutput]
    journal: RawOutput
    outputs_crc32: int
    snapshot: list[RawOutput] = field(default_factory=list)

    @property
    def records(self) -> list[RawOutput]:
        """All records, the journal's right after the outputs that it vouches for."""
        return [*self.outputs, self.journal, *self.snapshot]
