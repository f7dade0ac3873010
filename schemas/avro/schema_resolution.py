"""Schema resolution: reads records that another program wrote with its own schema as records of the topic."""

import struct
from io import BytesIO
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.schema import SchemaParseException, UnknownType
from fastavro.types import Schema

from schemas.avro.compatibility import unreadable
from schemas.errors import UndecodableRecord
from schemas.topic_schemas import load_schema

REASONS_CHARS_MAX = 500
WRITTEN_BY_OTHERS = frozenset({"orders", "controls"})
"""Topics that clients write. Each body is encoded again and compared, which costs as much as decoding it."""
UNREADABLE = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, struct.error)
"""Errors of fastavro on bytes that don't fit the schema."""
NOT_A_SCHEMA = (SchemaParseException, UnknownType, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""Errors of fastavro on JSON that is no Avro schema."""


class WriterForm(NamedTuple):
    """A writer's schema and the topic's schema, parsed. one_encoding: false if it has arrays, whose blocks may vary."""

    writer: Schema
    reader: Schema
    one_encoding: bool


def writer_form(topic: str, schema_id: int, schema: Any) -> WriterForm:
    """Returns the form of a writer's schema. Raises UndecodableRecord if its records can't be read as the topic's."""
    own = load_schema(topic)
    try:
        problems = unreadable(schema, own)
        form = None if problems else WriterForm(_parsed(schema), _parsed(own), not _has_blocks(schema))
    except NOT_A_SCHEMA as error:
        problems, form = [f"{type(error).__name__} {error}"], None
    if form is None:
        reasons = "; ".join(problems)[:REASONS_CHARS_MAX]
        text = f"schema id {schema_id} is none of {topic}: {reasons}. Write with schemas/avsc/{topic}.avsc"
        raise UndecodableRecord("WRONG_SCHEMA", text)
    return form


def read_resolved(topic: str, value: bytes, start: int, form: WriterForm) -> dict[str, Any]:
    """Returns the topic's fields by name, decimals as bytes and enums as symbols. The body begins at start.

    Raises UndecodableRecord.
    """
    body = _body(value, start)
    try:
        written: Any = schemaless_reader(body, form.writer, None)
    except UNREADABLE as error:
        text = f"the body of this {topic} record is not of its schema: {type(error).__name__} {error}"
        raise UndecodableRecord("NOT_READABLE", text) from error
    if body.tell() != len(value):
        text = f"{len(value) - body.tell()} bytes stand behind the end of this {topic} record"
        raise UndecodableRecord("TRAILING_BYTES", text)
    if topic in WRITTEN_BY_OTHERS and form.one_encoding:
        _check_encoding(topic, value, start, form.writer, written)
    fields: Any = schemaless_reader(_body(value, start), form.writer, form.reader)
    return dict(fields)


def _check_encoding(topic: str, value: bytes, start: int, schema: Schema, record: Any) -> None:
    """Refuses bodies that fastavro accepts but other readers, such as ClickHouse, refuse: a negative index, for one."""
    again = BytesIO()
    again.write(value[:start])
    schemaless_writer(again, schema, record)
    if again.getvalue() != value:
        text = f"the body of this {topic} record is not how Avro encodes it: an index or a number is malformed"
        raise UndecodableRecord("NOT_READABLE", text)


def _body(value: bytes, start: int) -> BytesIO:
    body = BytesIO(value)
    body.seek(start)
    return body


def _parsed(schema: Any) -> Schema:
    return parse_schema(without_decimals(schema))


def _has_blocks(schema: Any) -> bool:
    types = [_inner(field["type"]) for field in schema["fields"]]
    return any(isinstance(kind, dict) and kind["type"] in ("array", "map") for kind in types)


def without_decimals(schema: Any) -> Any:
    """Returns the schema with decimals replaced by plain bytes."""
    if isinstance(schema, dict):
        if schema.get("logicalType") == "decimal":
            return schema["type"]
        return {key: without_decimals(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [without_decimals(item) for item in schema]
    return schema


def _inner(kind: Any) -> Any:
    """Returns the type beside null in a union, or the type itself."""
    return next(item for item in kind if item != "null") if isinstance(kind, list) else kind
