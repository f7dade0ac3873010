"""Hypothesis strategies for values and records that a schema allows."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.avro.layout import ENUMS
from schemas.topic_schemas import MESSAGE_CLASSES, load_schema

LONG = st.integers(-(2**63), 2**63 - 1)
INT = st.integers(-(2**31), 2**31 - 1)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": INT,
    "long": LONG,
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=40),
}

CORE_TOPICS = sorted(MESSAGE_CLASSES)
"""Topics whose records the codec knows."""


def decimals(precision: int) -> st.SearchStrategy[int]:
    """Draws unscaled integers of at most precision digits, often at the limits or at the borders of a byte."""
    limit = 10**precision - 1
    borders = [sign * n for sign in (1, -1) for n in (0, 1, 127, 128, 255, 256, limit)]
    return st.one_of(st.sampled_from(borders), st.integers(-limit, limit))


def values(avro: Any) -> st.SearchStrategy[Any]:
    """Draws values of an Avro type as the core holds them: decimals as unscaled integers, enums as members."""
    if isinstance(avro, list):
        return st.one_of([values(branch) for branch in avro])
    if isinstance(avro, str):
        return PLAIN[avro]
    if avro.get("logicalType") == "decimal":
        return decimals(avro["precision"])
    if avro["type"] == "enum":
        return st.sampled_from(list(ENUMS[avro["name"]]))
    if avro["type"] == "array":
        return st.lists(values(avro["items"]), max_size=8)
    return values(avro["type"])


def messages(topic: str) -> st.SearchStrategy[Any]:
    """Draws records of a topic."""
    fields = [values(field["type"]) for field in load_schema(topic)["fields"]]
    return st.tuples(*fields).map(lambda row: MESSAGE_CLASSES[topic](*row))


def raw_values(avro: Any) -> st.SearchStrategy[Any]:
    """Draws values as a writer without logical types holds them: decimals as bytes, enums as symbols."""
    if isinstance(avro, list):
        return st.one_of([raw_values(branch) for branch in avro])
    if isinstance(avro, str):
        return PLAIN[avro]
    if avro.get("logicalType") == "decimal":
        return decimals(avro["precision"]).map(lambda number: number.to_bytes(17, "big", signed=True))
    if avro["type"] == "enum":
        return st.sampled_from(avro["symbols"])
    if avro["type"] == "array":
        return st.lists(raw_values(avro["items"]), max_size=8)
    return raw_values(avro["type"])


def raw_records(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draws records of a schema as such a writer holds them."""
    return st.fixed_dictionaries({field["name"]: raw_values(field["type"]) for field in schema["fields"]})
