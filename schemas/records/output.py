"""The output records of a shard, and the refusal of an input record."""

from typing import Any

Message = tuple[Any, ...]
"""A record of schemas.records.messages."""


State = dict[str, Any]
"""JSON-able state of a shard: dicts in insertion order, lists, ints, strings, None."""


class Output:
    """An output record. topic: base name without prefix; partition: None lets the key decide. Never changed."""

    __slots__ = ("key", "message", "partition", "topic")

    def __init__(self, topic: str, key: str, message: Message, partition: int | None = None) -> None:
        self.topic = topic
        self.key = key
        self.message = message
        self.partition = partition

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Output):
            return NotImplemented
        return (self.topic, self.key, self.message, self.partition) == (
            other.topic,
            other.key,
            other.message,
            other.partition,
        )

    def __repr__(self) -> str:
        return f"Output({self.topic!r}, {self.key!r}, {self.message!r}, {self.partition!r})"


class RecordRefused(Exception):
    """The shard refuses an input record; its state has not changed."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text
