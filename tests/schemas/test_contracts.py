"""Tests of the schemas: they follow the design, and match the core's records."""

from __future__ import annotations

from typing import Any

import pytest

from infra.kafka.topics import TOPICS
from schemas.avro.compatibility import is_flat
from schemas.avro.layout import ENUMS
from schemas.topic_schemas import MESSAGE_CLASSES, all_topics, load_schema
from tests.schemas.avro.strategies import CORE_TOPICS

TOPICS_WITH_SCHEMA = all_topics()


def branches(avro: Any) -> list[Any]:
    return avro if isinstance(avro, list) else [avro]


def enums(topic: str) -> list[dict[str, Any]]:
    types = [branch for field in load_schema(topic)["fields"] for branch in branches(field["type"])]
    return [kind for kind in types if isinstance(kind, dict) and kind["type"] == "enum"]


def test_each_declared_topic_has_a_schema_and_no_other() -> None:
    assert sorted(topic.name for topic in TOPICS if topic.has_schema) == TOPICS_WITH_SCHEMA


@pytest.mark.parametrize("topic", CORE_TOPICS)
def test_a_record_of_the_core_has_the_fields_of_its_schema_in_their_order(topic: str) -> None:
    names = tuple(field["name"] for field in load_schema(topic)["fields"])
    assert MESSAGE_CLASSES[topic]._fields == names  # type: ignore[attr-defined]


@pytest.mark.parametrize("topic", TOPICS_WITH_SCHEMA)
def test_everything_is_documented(topic: str) -> None:
    schema = load_schema(topic)
    undocumented = [part["name"] for part in [schema, *schema["fields"], *enums(topic)] if not part.get("doc")]
    assert undocumented == []


@pytest.mark.parametrize("topic", TOPICS_WITH_SCHEMA)
def test_records_are_flat_and_a_union_is_null_and_one_type(topic: str) -> None:
    for field in load_schema(topic)["fields"]:
        assert is_flat(field["type"]), field["name"]
        if isinstance(field["type"], list):
            assert len(field["type"]) == 2, field["name"]
            assert field["type"][0] == "null", field["name"]
            assert field["default"] is None, field["name"]


@pytest.mark.parametrize("topic", TOPICS_WITH_SCHEMA)
def test_an_enum_can_grow(topic: str) -> None:
    """Readers of an older version see UNKNOWN for a newer symbol; without it no symbol could be added."""
    for enum in enums(topic):
        assert enum["default"] == "UNKNOWN", enum["name"]
        assert enum["symbols"][0] == "UNKNOWN", enum["name"]


@pytest.mark.parametrize("topic", CORE_TOPICS)
def test_enums_of_the_core_are_those_of_the_schema(topic: str) -> None:
    for enum in enums(topic):
        assert [member.value for member in ENUMS[enum["name"]]] == enum["symbols"], enum["name"]
        assert list(ENUMS[enum["name"]].__members__) == enum["symbols"], enum["name"]


@pytest.mark.parametrize("topic", TOPICS_WITH_SCHEMA)
def test_numbers_and_times_have_the_units_of_the_core(topic: str) -> None:
    """Checks prices and quantities in 1e-9, money in 1e-18 and times in UTC nanoseconds, also in columns."""
    logical = [
        kind
        for field in load_schema(topic)["fields"]
        for kind in branches(field["type"])
        if isinstance(kind, dict) and "logicalType" in kind
    ]
    for kind in logical:
        assert (kind["type"], kind["logicalType"], kind.get("precision"), kind.get("scale")) in {
            ("bytes", "decimal", 18, 9),
            ("bytes", "decimal", 38, 18),
            ("long", "timestamp-nanos", None, None),
        }
