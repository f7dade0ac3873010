"""Tests of the codec: round trips in Confluent's wire format, and records of writers with other schemas."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from schemas.memory_registry import MemoryRegistry
from schemas.records.enums import OrderType
from schemas.topic_schemas import load_schema
from tests.builders import PROPERTY, new, opening
from tests.schemas.avro.other_writers import OTHER_ID, OtherWriter, written
from tests.schemas.avro.strategies import CORE_TOPICS, messages

SOURCE = MemoryRegistry()
CODEC = Codec(SOURCE)
ORDERS = load_schema("orders")
ORDER = new("o-1", price="10.02")


def changed(topic: str, **changes: Any) -> dict[str, Any]:
    """Returns the topic's schema with changed attributes of some fields; None drops a field."""
    schema = deepcopy(load_schema(topic))
    schema["fields"] = [
        field | changes.get(field["name"], {})
        for field in schema["fields"]
        if changes.get(field["name"], {}) is not None
    ]
    return schema


def raw(message: Any) -> dict[str, Any]:
    """Returns the fields as Avro's own types."""
    fields: dict[str, Any] = message._asdict()
    for name in ("quantity", "price"):
        if fields[name] is not None:
            fields[name] = fields[name].to_bytes(9, "big", signed=True)
    return fields


@pytest.mark.parametrize("topic", CORE_TOPICS)
@given(data=st.data())
@PROPERTY
def test_any_record_comes_back_equal_and_of_the_same_types(topic: str, data: st.DataObject) -> None:
    message = data.draw(messages(topic))
    value = CODEC.encode(topic, message)
    back = CODEC.decode(topic, value)
    assert back == message
    assert list(map(type, back)) == list(map(type, message))
    assert CODEC.encode(topic, back) == value
    assert Codec(MemoryRegistry()).encode(topic, message) == value


def test_a_value_begins_with_zero_and_the_schema_id() -> None:
    assert CODEC.encode("orders", ORDER)[:5] == b"\x00" + SOURCE.writer_id("orders").to_bytes(4, "big")


@pytest.mark.parametrize("number", [0, 1, -1, 127, 128, -128, -129, 10**18 - 1, 1 - 10**18])
def test_a_decimal_is_the_shortest_twos_complement(number: int) -> None:
    value = CODEC.encode("orders", ORDER._replace(quantity=number))
    shortest = next(n for n in range(1, 9) if -(256**n) // 2 <= number < 256**n // 2)
    assert bytes([2 * shortest]) + number.to_bytes(shortest, "big", signed=True) in value


@pytest.mark.parametrize("word", [2**62, 2**63, 2**64])
@pytest.mark.parametrize("beside", [-1, 0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_decimal_at_the_ends_of_a_machine_word_comes_back(word: int, beside: int, sign: int) -> None:
    number = sign * word + beside
    shortest = next(n for n in range(1, 10) if -(256**n) // 2 <= number < 256**n // 2)
    value = CODEC.encode("controls", opening()._replace(opening_cash=number))
    assert bytes([2 * shortest]) + number.to_bytes(shortest, "big", signed=True) in value
    assert CODEC.decode("controls", value).opening_cash == number


def test_a_decimal_of_any_number_of_bits_is_the_shortest_and_comes_back() -> None:
    ends = (sign * 2**bits + beside for bits in range(125) for sign in (-1, 1) for beside in (-1, 0, 1))
    for number in ends:
        shortest = next(n for n in range(1, 17) if -(256**n) // 2 <= number < 256**n // 2)
        value = CODEC.encode("controls", opening()._replace(opening_cash=number))
        assert bytes([2 * shortest]) + number.to_bytes(shortest, "big", signed=True) in value
        assert CODEC.decode("controls", value).opening_cash == number


@pytest.mark.parametrize("number", [10**18, -(10**18), 2**100])
def test_a_number_beyond_its_precision_is_never_written(number: int) -> None:
    with pytest.raises(AssertionError, match="price"):
        CODEC.encode("orders", ORDER._replace(price=number))


def test_a_new_field_of_another_writer_is_ignored() -> None:
    schema = load_schema("orders")
    schema["fields"] = [{"name": "desk", "type": ["null", "string"], "default": None}, *schema["fields"]]
    schema["fields"].append({"name": "tags", "type": {"type": "array", "items": "string"}, "default": []})
    value = written(schema, raw(ORDER) | {"desk": "rates", "tags": ["a", "b"]})
    assert Codec(OtherWriter(schema)).decode("orders", value) == ORDER


def test_a_field_that_another_writer_lacks_has_its_default() -> None:
    schema = changed("orders", time_in_force=None, strategy_id=None)
    value = written(schema, raw(ORDER))
    expected = ORDER._replace(time_in_force=ORDER.time_in_force.DAY, strategy_id=None)
    assert Codec(OtherWriter(schema)).decode("orders", value) == expected


def test_a_new_symbol_of_another_writer_is_unknown() -> None:
    schema = load_schema("orders")
    kind = next(field["type"] for field in schema["fields"] if field["name"] == "order_type")
    kind["symbols"] = [*reversed(kind["symbols"]), "PEGGED"]
    codec = Codec(OtherWriter(schema))
    pegged = written(schema, raw(ORDER) | {"order_type": "PEGGED"})
    assert codec.decode("orders", pegged) == ORDER._replace(order_type=OrderType.UNKNOWN)
    assert codec.decode("orders", written(schema, raw(ORDER))) == ORDER


def test_fields_of_another_writer_may_stand_in_another_order() -> None:
    schema = load_schema("orders")
    schema["fields"].reverse()
    assert Codec(OtherWriter(schema)).decode("orders", written(schema, raw(ORDER))) == ORDER


TEXT_PRICE = changed("orders", price={"type": ["null", "string"]})
CENT = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}
CENTS = changed("orders", price={"type": ["null", CENT]})
MILLIS = changed("orders", ts={"type": {"type": "long", "logicalType": "timestamp-millis"}})
NO_ACCOUNT = changed("orders", account_id=None)
NESTED = load_schema("orders")
NESTED["fields"].append({"name": "parent", "type": ["null", "OrderRequest"], "default": None})
LEGS = load_schema("orders")
LEGS["fields"].append(
    {"name": "legs", "type": {"type": "array", "items": {"type": "record", "name": "Leg", "fields": []}}}
)
NOTHINGS = load_schema("orders")
NOTHINGS["fields"].append({"name": "pad", "type": {"type": "array", "items": "null"}, "default": []})


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (TEXT_PRICE, "field price"),
        (CENTS, "field price"),
        (MILLIS, "field ts"),
        (NO_ACCOUNT, "account_id is missing"),
        (load_schema("orders.approved"), "name is ApprovedOrder"),
        (NESTED, "parent is not flat"),
        (LEGS, "legs is not flat"),
        (NOTHINGS, "pad is not flat"),
        ("string", "no record"),
        (["null", "string"], "no record"),
        ({"type": "record"}, "no record"),
        ({"type": "record", "name": "OrderRequest", "fields": [{"type": "long"}]}, "KeyError"),
        ({"type": "record", "name": "OrderRequest", "fields": ["ts"]}, "TypeError"),
        (ORDERS | {"fields": ORDERS["fields"] * 2}, "stands twice"),
        (ORDERS | {"fields": [*ORDERS["fields"], {"name": "x", "type": "enum"}]}, "x is not flat"),
        (ORDERS | {"fields": [*ORDERS["fields"], {"name": "x", "type": {"type": "enum"}}]}, "required field"),
        (ORDERS | {"fields": [*ORDERS["fields"], {"name": "y" * 10**6, "type": "null"}]}, "yyy"),
        (None, "no record"),
        ({}, "no record"),
    ],
)
def test_a_schema_that_is_not_of_the_topic_is_refused_with_its_reason(schema: Any, reason: str) -> None:
    """Read by such a schema, 12.34 in cents would become 0.000001234, and deep nesting would end the process."""
    value = b"\x00" + OTHER_ID.to_bytes(4, "big") + b"\x02" * 100_000
    with pytest.raises(UndecodableRecord, match=reason) as refusal:
        Codec(OtherWriter(schema)).decode("orders", value)
    assert refusal.value.error_class == "WRONG_SCHEMA"
    assert len(str(refusal.value)) < 1000
