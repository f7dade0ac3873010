"""The quick way to a record whose values stand in the order of its fields."""

from typing import Any, Final, TypeVar

Record = TypeVar("Record", bound=tuple[Any, ...])
_NEW: Final[Any] = tuple.__new__


def record_of(kind: type[Record], values: tuple[Any, ...]) -> Record:
    """Returns the record of a NamedTuple class: one value for each field, defaults included.

    The class's own constructor is Python, also in compiled code, and costs ten times as much. No type checker looks at
    the values, so each caller has a test that names them.
    """
    made: Record = _NEW(kind, values)
    return made
