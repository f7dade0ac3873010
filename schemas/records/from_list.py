"""Records from the lists that a JSON state keeps; text of enums becomes their members again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints

Record = TypeVar("Record", bound=tuple[Any, ...])


def record_from_list(kind: type[Record], row: Sequence[Any]) -> Record:
    """Returns the record of a NamedTuple class from the list of its fields."""
    values = list(row)
    for place, members in _enums(kind):
        values[place] = members(values[place])
    return kind(*values)


@cache
def _enums(kind: type[tuple[Any, ...]]) -> list[tuple[int, type[StrEnum]]]:
    hints = enumerate(get_type_hints(kind).values())
    return [(place, hint) for place, hint in hints if isinstance(hint, type) and issubclass(hint, StrEnum)]
