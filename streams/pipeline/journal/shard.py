"""What a shard is: a deterministic state machine from input records to output records."""

from typing import Protocol

from schemas.records.output import Message, Output, State
from streams.core.core_config import CoreConfig


class Shard(Protocol):
    """One partition's state machine. The same inputs in the same order give the same outputs."""

    @property
    def time_ns(self) -> int:
        """Shard time, UTC nanoseconds; never steps back."""
        ...

    def configure(self, config: CoreConfig) -> None:
        """Takes a new configuration from here on."""
        ...

    def apply(self, message: Message, record_time_ns: int | None) -> list[Output]:
        """Takes one record. record_time_ns is the record's Kafka time where that is the clock, else None.

        Raises RecordRefused for a record that breaks a rule of its topic.
        """
        ...

    def to_state(self) -> State:
        """State from which the same class continues identically."""
        ...
