"""The layout of a topic's records: kind and limits of each field, computed from its schema once."""

from enum import StrEnum
from typing import Any, Final

from schemas.records import enums

STRING: Final = 0
LONG: Final = 1
INT: Final = 2
BOOLEAN: Final = 3
DOUBLE: Final = 4
BYTES: Final = 5
DECIMAL: Final = 6
ENUM: Final = 7
LONGS: Final = 8
STRINGS: Final = 9

PLAIN: Final = {
    "string": STRING,
    "long": LONG,
    "int": INT,
    "boolean": BOOLEAN,
    "double": DOUBLE,
    "bytes": BYTES,
}
ARRAYS: Final = {"long": LONGS, "string": STRINGS}

ENUMS: Final[dict[str, type[StrEnum]]] = {
    name: value for name, value in vars(enums).items() if isinstance(value, type) and issubclass(value, StrEnum)
}


class Field:
    """A field of a flat record.

    kind: one of the constants above. optional: a union with null, which comes first. limit: bound of a decimal's
    unscaled integer. sure_bits, sure_bytes: integers of so many bits, and of so many bytes in two's complement, are
    within it. members, places: members of an enum and their indices, in the order of the schema's symbols.
    """

    def __init__(self, name: str, kind: int, optional: bool, limit: int, members: list[StrEnum]) -> None:
        self.name = name
        self.kind = kind
        self.optional = optional
        self.limit = limit
        self.sure_bits = limit.bit_length() - 1
        self.sure_bytes = self.sure_bits // 8
        self.members = members
        # A member is found by its identity. The text of a symbol is found too, because it is equal.
        self.places: dict[str, int] = {member: place for place, member in enumerate(members)}


def layout(schema: dict[str, Any]) -> list[Field]:
    """Returns the fields of one of this project's schemas. Raises KeyError or ValueError for any other type."""
    return [_field(field["name"], field["type"]) for field in schema["fields"]]


def _field(name: str, avro: Any) -> Field:
    optional = isinstance(avro, list)
    if optional:
        null, avro = avro
        if null != "null":
            raise ValueError(f"field {name}: null comes first in a union, not {null!r}")
    if isinstance(avro, str):
        return Field(name, PLAIN[avro], optional, 0, [])
    if avro.get("logicalType") == "decimal":
        return Field(name, DECIMAL, optional, 10 ** avro["precision"], [])
    if avro["type"] == "enum":
        members = ENUMS[avro["name"]].__members__
        return Field(name, ENUM, optional, 0, [members[symbol] for symbol in avro["symbols"]])
    if avro["type"] == "array":
        return Field(name, ARRAYS[avro["items"]], optional, 0, [])
    return Field(name, PLAIN[avro["type"]], optional, 0, [])
