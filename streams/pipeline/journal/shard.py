"""The interface between the journal and a shard of the core."""

from typing import Protocol

from schemas.records.output import Message, Output, State
from streams.core.core_config import CoreConfig


class Shard(Protocol):
    """The deterministic state machine of a partition: the same inputs in the same order give the same outputs."""

    @property
    def time_ns(self) -> int:
        """Shard time in UTC nanoseconds; never steps back."""
        ...

    def problem_with(self, config: CoreConfig) -> str | None:
        """Returns why a new configuration can't follow the present one, as a sentence; None if it can."""
        ...

    def configure(self, config: CoreConfig) -> None:
        """Applies a new configuration to all later records."""
        ...

    def apply(self, message: Message, record_time_ns: int | None, written_ns: int = 0) -> list[Output]:
        """Processes a record and returns the outputs. record_time_ns: Kafka's time of it, if that is the clock.

        written_ns: Kafka's time of it, whatever the clock is, by which authorisations expire; 0 if it is not known.

        Raises RecordRefused if the record breaks a rule of its topic.
        """
        ...

    def to_state(self) -> State:
        """Returns the state from which the same class continues identically."""
        ...
