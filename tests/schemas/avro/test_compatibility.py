"""Tests of the compatibility check: it refuses what Avro's rules refuse, some harmful changes more, and no others."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import avro.schema
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.errors import SchemaParseException
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.codec import Codec
from schemas.avro.compatibility import extends, incompatibilities, unreadable
from schemas.records.messages import OrderRequest
from schemas.topic_schemas import load_schema
from tests.builders import PROPERTY
from tests.schemas.avro.changes import HARMFUL, HARMFUL_UNSEEN_BY_AVRO, HARMLESS, Change, after, field
from tests.schemas.avro.other_writers import OtherWriter, written
from tests.schemas.avro.strategies import raw_records

ORDERS = load_schema("orders")
ALL_CHANGES = HARMLESS | HARMFUL | HARMFUL_UNSEEN_BY_AVRO


def avro_reads(writer: Any, reader: Any) -> bool:
    """Returns whether the Apache Avro library accepts the pair."""
    try:
        parsed_reader, parsed_writer = (avro.schema.parse(json.dumps(schema)) for schema in (reader, writer))
    except SchemaParseException:
        return False
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    verdict = checker.get_compatibility(parsed_reader, parsed_writer)
    return verdict.compatibility is SchemaCompatibilityType.compatible


def each(changes: dict[str, Change]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("change", changes.values(), ids=changes.keys())


@each(HARMLESS)
def test_a_harmless_change_is_allowed(change: Change) -> None:
    changed = after(ORDERS, change)
    assert incompatibilities(changed, ORDERS) == []
    assert avro_reads(changed, ORDERS)
    assert avro_reads(ORDERS, changed)


@each(HARMFUL)
def test_a_harmful_change_is_refused_as_by_avro(change: Change) -> None:
    changed = after(ORDERS, change)
    assert incompatibilities(changed, ORDERS)
    assert not (avro_reads(changed, ORDERS) and avro_reads(ORDERS, changed))


@each(HARMFUL_UNSEEN_BY_AVRO)
def test_a_change_that_avro_does_not_see_is_refused(change: Change) -> None:
    changed = after(ORDERS, change)
    assert incompatibilities(changed, ORDERS)
    assert avro_reads(changed, ORDERS)
    assert avro_reads(ORDERS, changed)


def test_without_a_default_for_unknown_symbols_an_enum_can_not_grow() -> None:
    rigid, grown = load_schema("orders"), load_schema("orders")
    for schema in (rigid, grown):
        del field(schema, "side")["type"]["default"]
    field(grown, "side")["type"]["symbols"].append("SELL_SHORT")
    (problem,) = incompatibilities(grown, rigid)
    assert "field side may hold SELL_SHORT" in problem
    assert not avro_reads(grown, rigid)
    assert unreadable(rigid, grown) == []


def test_the_reason_names_side_field_and_rule() -> None:
    changed = after(ORDERS, HARMFUL["a renamed field"])
    assert incompatibilities(changed, ORDERS) == [
        "a reader of the released version: field order_id is missing and has no default",
        "a reader of the new version: field id is missing and has no default",
    ]
    (problem,) = unreadable(after(ORDERS, HARMFUL_UNSEEN_BY_AVRO["another unit of time"]), ORDERS)
    assert "field ts" in problem
    assert "timestamp-millis" in problem


@given(st.lists(st.sampled_from(sorted(ALL_CHANGES)), max_size=4, unique=True), st.data())
@PROPERTY
def test_records_of_a_schema_that_passes_the_check_are_decoded(names: list[str], data: st.DataObject) -> None:
    """Mixes changes: if the check finds nothing, Avro finds nothing either, and every record is decoded."""
    changed = ORDERS
    for name in names:
        try:
            changed = after(changed, ALL_CHANGES[name])
        except (StopIteration, KeyError):
            continue  # An earlier change took away what this one changes.
    if unreadable(changed, ORDERS):
        return
    assert avro_reads(changed, ORDERS)
    record = data.draw(raw_records(changed))
    message = Codec(OtherWriter(changed)).decode("orders", written(changed, record))
    assert isinstance(message, OrderRequest)
    assert message.order_id == record["order_id"]
    assert message.price == (None if record["price"] is None else int.from_bytes(record["price"], "big", signed=True))


def test_a_record_has_the_same_bytes_whatever_the_docs_and_new_symbols() -> None:
    events = load_schema("risk.events")
    older = deepcopy(events)
    kind = next(field for field in older["fields"] if field["name"] == "kind")
    kind["type"]["symbols"].pop()
    kind["doc"] = "Another."
    assert extends(events, older)
    kind["type"]["symbols"].reverse()
    assert not extends(events, older)
    older = deepcopy(events)
    older["fields"].pop()
    assert extends(events, older)
    older["fields"].pop(-2)
    assert not extends(events, older), "a field of the middle is missing"
    assert not extends(older, events)
    assert not extends(events, load_schema("fills"))
    assert not extends(events, "string")
