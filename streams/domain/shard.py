"""What a shard is: a deterministic state machine from input records to output records."""

from typing import Any, NamedTuple, Protocol

from streams.domain.config import CoreConfig

Message = tuple[Any, ...]
"""A record of streams.domain.messages."""

State = dict[str, Any]
"""JSON-able state of a shard: dicts in insertion order, lists, ints, strings, None."""


class Output(NamedTuple):
    """A record for a topic (base name, without prefix); without a partition the key decides it."""

    topic: str
    key: str
    message: Message
    partition: int | None = None


class RecordRefused(Exception):
    """An input record that the shard can't accept; nothing of its state has changed."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text


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
