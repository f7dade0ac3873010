"""The check whether records of one schema can be read with another: Avro's rules for flat records, and stricter ones.

Avro allows a change of a number's scale or a time's unit, and a change from text to bytes. Here a field keeps its type
for ever, because its column in ClickHouse does.

Source: the Apache Avro 1.12 specification, "Schema Resolution"; Confluent's FULL_TRANSITIVE: both ways, all versions.
"""

import json
from typing import Any

LOGICAL_ATTRIBUTES = ("logicalType", "precision", "scale", "size")
PLAIN_TYPES = {"boolean", "int", "long", "float", "double", "string", "bytes"}


def incompatibilities(schema: Any, released: Any) -> list[str]:
    """Returns the reasons why two versions of a topic's schema can't read each other's records; empty if they can."""
    forward = [f"a reader of the released version: {problem}" for problem in unreadable(schema, released)]
    return forward + [f"a reader of the new version: {problem}" for problem in unreadable(released, schema)]


def extends(schema: Any, released: Any) -> bool:
    """Returns whether the first version is the other one with fields behind it, or none.

    Then a record whose further fields hold their defaults has the bytes of the other version if it ends before them.
    """
    if unreadable(released, schema) or _last_name(schema) != _last_name(released):
        return False
    fields, before = schema["fields"], released["fields"]
    return len(fields) >= len(before) and all(
        _writes_alike(field, old) for field, old in zip(fields, before, strict=False)
    )


def _writes_alike(field: Any, old: Any) -> bool:
    symbols, known = _symbols(field["type"]), _symbols(old["type"])
    return (
        field["name"] == old["name"] and shape(field["type"]) == shape(old["type"]) and symbols[: len(known)] == known
    )


def unreadable(writer: Any, reader: Any) -> list[str]:
    """Returns the reasons why a reader's schema can't read a writer's records; empty if it can.

    The writer's schema may be any JSON from a registry; the reader's schema is one of this project.
    """
    if not isinstance(writer, dict) or writer.get("type") != "record" or not isinstance(writer.get("fields"), list):
        return ["the writer's schema is no record"]
    problems = []
    if _last_name(writer) != _last_name(reader):
        problems.append(f"the record's name is {_last_name(writer)}, not {_last_name(reader)}")
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        problems += _field_problems(written.get(field["name"]), field)
    if len(written) < len(writer["fields"]):
        problems.append("a field stands twice")
    known = {field["name"] for field in reader["fields"]}
    for name in (name for name in written if name not in known):
        if not is_flat(written[name]["type"]):
            problems.append(f"field {name} is not flat: neither a number, text, bytes, enum, nor an array of such")
    return problems


def _field_problems(written: dict[str, Any] | None, read: dict[str, Any]) -> list[str]:
    name = read["name"]
    if written is None:
        return [] if "default" in read else [f"field {name} is missing and has no default"]
    if shape(written["type"]) != shape(read["type"]):
        return [f"field {name} has type {shape(written['type'])}, not {shape(read['type'])}"]
    new = [symbol for symbol in _symbols(written["type"]) if symbol not in _symbols(read["type"])]
    if new and not _has_enum_default(read["type"]):
        return [f"field {name} may hold {', '.join(new)}, and its enum has no default for unknown symbols"]
    return []


def shape(avro: Any) -> str:
    """Returns the parts of a type that must never change: all but docs, defaults, namespaces and enum symbols."""
    if isinstance(avro, list):
        return " or ".join(shape(branch) for branch in avro)
    if not isinstance(avro, dict):
        return str(avro)
    if avro.get("type") == "enum":
        return f"enum {_last_name(avro)}"
    inner = [shape(avro[key]) for key in ("type", "items", "values") if key in avro]
    logical = {key: avro[key] for key in LOGICAL_ATTRIBUTES if key in avro}
    return " of ".join(inner) + (json.dumps(logical, sort_keys=True) if logical else "")


def is_flat(avro: Any) -> bool:
    """Returns whether a type has no nested records, and no array items that take no bytes."""
    if isinstance(avro, list):
        return all(branch == "null" or is_flat(branch) for branch in avro)
    if isinstance(avro, dict):
        if avro.get("type") in ("array", "map"):
            inner = avro.get("items", avro.get("values"))
            return isinstance(inner, str) and inner in PLAIN_TYPES
        return avro.get("type") == "enum" or is_flat(avro.get("type"))
    return isinstance(avro, str) and avro in PLAIN_TYPES


def _last_name(named: dict[str, Any]) -> str:
    """Returns the name without its namespace, as Avro compares names."""
    return str(named.get("name")).rsplit(".", 1)[-1]


def _enum(avro: Any) -> dict[str, Any]:
    branches = avro if isinstance(avro, list) else [avro]
    return next((b for b in branches if isinstance(b, dict) and b.get("type") == "enum"), {})


def _symbols(avro: Any) -> list[str]:
    symbols: list[str] = _enum(avro).get("symbols", [])
    return symbols


def _has_enum_default(avro: Any) -> bool:
    return "default" in _enum(avro)
