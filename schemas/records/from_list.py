"""Records of the core out of the lists that a state keeps them as: JSON leaves of an enum only its text."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints

Record = TypeVar("Record", bound=tuple[Any, ...])


def record_from_list(kind: type[Record], row: Sequence[Any]) -> Record:
    """The record of a NamedTuple class whose fields were listed in their order."""
    values = list(row)
    for place, members in _enums(kind):
        values[place] = members(values[place])
    return kind(*values)


@cache
def _enums(kind: type[tuple[Any, ...]]) -> list[tuple[int, type[StrEnum]]]:
    hints = enumerate(get_type_hints(kind).values())
    return [(place, hint) for place, hint in hints if isinstance(hint, type) and issubclass(hint, StrEnum)]
