"""The output records of a shard, and the refusal of an input record."""

from typing import Any, NamedTuple

Message = tuple[Any, ...]
"""A record of schemas.records.messages."""


State = dict[str, Any]
"""JSON-able state of a shard: dicts in insertion order, lists, ints, strings, None."""


class Output(NamedTuple):
    """An output record. topic: base name without prefix; partition: None lets the key decide."""

    topic: str
    key: str
    message: Message
    partition: int | None = None


class RecordRefused(Exception):
    """The shard refuses an input record; its state has not changed."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text
