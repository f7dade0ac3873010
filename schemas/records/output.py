"""Output records of a shard, and the refusal of an input record."""

from typing import Any, NamedTuple

Message = tuple[Any, ...]
"""A record of schemas.records.messages."""


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
