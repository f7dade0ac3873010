"""The transaction of a shard: all records that one batch writes, all or nothing."""

from dataclasses import dataclass, field
from typing import NamedTuple

from streams.pipeline.journal.raw_records import RawOutput


class Made(NamedTuple):
    """An output that recovery made again. sequence, number: its transaction, and its number in it."""

    sequence: int
    number: int
    output: RawOutput


@dataclass(slots=True)
class Transaction:
    """The records of a transaction. outputs_crc32: checksum of the outputs, as in the journal record.

    lost: outputs of earlier transactions that their topics lack, to be written before the others.
    """

    sequence: int
    outputs: list[RawOutput]
    journal: RawOutput
    outputs_crc32: int
    snapshot: list[RawOutput] = field(default_factory=list)
    lost: list[Made] = field(default_factory=list)

    @property
    def records(self) -> list[RawOutput]:
        """The records of the transaction itself: the outputs, then the journal record, then the snapshot."""
        return [*self.outputs, self.journal, *self.snapshot]
