"""Records of the core to Avro in Confluent wire format and back, without Decimal on the way.

Wire format: byte 0, schema id as 4 bytes big-endian, Avro body. Decimals are the big-endian two's complement of the
unscaled integer, which is the fixed-point integer that the core works with.
"""

import struct
from enum import StrEnum
from io import BytesIO
from typing import Any, NamedTuple, Protocol

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.schema import SchemaParseException, UnknownType
from fastavro.types import Schema

from schemas.catalog import MESSAGE_CLASSES, load_schema
from schemas.compatibility import unreadable
from schemas.errors import UndecodableRecord
from streams.domain import enums
from streams.domain.shard import Message

MAGIC = 0
HEADER = struct.Struct(">bI")
DECIMAL_BYTES_MAX = 20
REASONS_CHARS_MAX = 500
WRITTEN_BY_OTHERS = frozenset({"orders", "controls"})
"""Topics of which each body is encoded again and compared: costs as much as decoding it. Shards write all others."""
UNREADABLE = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, struct.error)
"""What fastavro raises on bytes that are not of the schema."""
NOT_A_SCHEMA = (SchemaParseException, UnknownType, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What fastavro raises on JSON that is no Avro schema."""

ENUMS: dict[str, type[StrEnum]] = {
    name: value for name, value in vars(enums).items() if isinstance(value, type) and issubclass(value, StrEnum)
}


class SchemaSource(Protocol):
    """Where schema ids come from: schemas.registry, or its in-memory twin."""

    def writer_id(self, topic: str) -> int:
        """Id under which the topic's own schema is registered."""
        ...

    def schema_by_id(self, schema_id: int) -> dict[str, Any]:
        """The schema of an id. Raises UndecodableRecord for an unknown one, RegistryUnavailable where none answers."""
        ...


class _Form(NamedTuple):
    """A parsed schema. one_encoding: a record has exactly one body; arrays may be cut into blocks of any size."""

    schema: Schema
    one_encoding: bool


class Codec:
    """Encodes and decodes the records of all topics; schemas are parsed once."""

    def __init__(self, source: SchemaSource) -> None:
        self._source = source
        self._topics: dict[str, _TopicCodec] = {}
        self._writers: dict[tuple[str, int], _Form] = {}

    def encode(self, topic: str, message: Message) -> bytes:
        """A record of the core as the value of a Kafka record."""
        return self._topic(topic).encode(message)

    def decode(self, topic: str, value: bytes) -> Any:
        """The record in a Kafka value, of the topic's class in schemas.catalog.

        Raises UndecodableRecord for any bytes that are not one, RegistryUnavailable where a schema can't be had now.
        """
        if not value:
            raise UndecodableRecord("EMPTY_VALUE", f"a record of {topic} needs a value in Confluent wire format")
        if len(value) < HEADER.size or value[0] != MAGIC:
            text = f"a record of {topic} must begin with byte 0 and a schema id of 4 bytes; it begins {value[:5].hex()}"
            raise UndecodableRecord("WRONG_MAGIC", text)
        schema_id = HEADER.unpack_from(value)[1]
        codec = self._topic(topic)
        writer = None if schema_id == codec.schema_id else self._writer(topic, schema_id)
        return codec.decode(value, writer)

    def _topic(self, topic: str) -> "_TopicCodec":
        codec = self._topics.get(topic)
        if codec is None:
            codec = self._topics[topic] = _TopicCodec(topic, self._source.writer_id(topic))
        return codec

    def _writer(self, topic: str, schema_id: int) -> _Form:
        writer = self._writers.get((topic, schema_id))
        if writer is None:
            schema = self._source.schema_by_id(schema_id)
            writer = self._writers[topic, schema_id] = _checked_form(topic, schema_id, schema)
        return writer


class _TopicCodec:
    """Codec of one topic; what needs converting is worked out once."""

    def __init__(self, topic: str, schema_id: int) -> None:
        self.topic = topic
        self.schema_id = schema_id
        self._header = HEADER.pack(MAGIC, schema_id)
        schema = load_schema(topic)
        self._form = _form(schema)
        self._class = MESSAGE_CLASSES[topic]
        self._fields = tuple(field["name"] for field in schema["fields"])
        types = [(field["name"], _inner(field["type"])) for field in schema["fields"]]
        self._decimals = [
            (name, 10 ** kind["precision"])
            for name, kind in types
            if isinstance(kind, dict) and kind.get("logicalType") == "decimal"
        ]
        self._enums = [
            (name, ENUMS[kind["name"]].__members__)
            for name, kind in types
            if isinstance(kind, dict) and kind["type"] == "enum"
        ]

    def encode(self, message: Message) -> bytes:
        record: dict[str, Any] = dict(zip(self._fields, message, strict=True))
        for name, limit in self._decimals:
            number = record[name]
            if number is not None:
                assert -limit < number < limit, f"{self.topic}: {name} {number} has too many digits for its decimal"
                size = (number + (number < 0)).bit_length() // 8 + 1
                record[name] = number.to_bytes(size, "big", signed=True)
        buffer = BytesIO()
        buffer.write(self._header)
        schemaless_writer(buffer, self._form.schema, record)
        return buffer.getvalue()

    def decode(self, value: bytes, writer: _Form | None) -> Any:
        record = self._read(value, self._form if writer is None else writer)
        if writer is not None:
            record = schemaless_reader(_body(value), writer.schema, self._form.schema)
        for name, limit in self._decimals:
            if record[name] is not None:
                record[name] = self._number(name, record[name], limit)
        for name, members in self._enums:
            record[name] = members[record[name]]
        return self._class(*record.values()) if writer is None else self._class(*map(record.get, self._fields))

    def _read(self, value: bytes, form: _Form) -> Any:
        """The record as written."""
        body = _body(value)
        try:
            record: Any = schemaless_reader(body, form.schema, None)
        except UNREADABLE as error:
            text = f"the body of this {self.topic} record is not of its schema: {type(error).__name__} {error}"
            raise UndecodableRecord("NOT_READABLE", text) from error
        if body.tell() != len(value):
            text = f"{len(value) - body.tell()} bytes stand behind the end of this {self.topic} record"
            raise UndecodableRecord("TRAILING_BYTES", text)
        if self.topic in WRITTEN_BY_OTHERS and form.one_encoding:
            self._check_encoding(value, form.schema, record)
        return record

    def _check_encoding(self, value: bytes, schema: Schema, record: Any) -> None:
        """Refuses what other Avro readers, ClickHouse among them, refuse and fastavro lets pass: a negative index."""
        again = BytesIO()
        again.write(value[: HEADER.size])
        schemaless_writer(again, schema, record)
        if again.getvalue() != value:
            text = f"the body of this {self.topic} record is not how Avro encodes it: an index or a number is malformed"
            raise UndecodableRecord("NOT_READABLE", text)

    def _number(self, name: str, data: bytes, limit: int) -> int:
        number = int.from_bytes(data[:DECIMAL_BYTES_MAX], "big", signed=True)
        if len(data) > DECIMAL_BYTES_MAX or not -limit < number < limit:
            raise UndecodableRecord("NUMBER_OUT_OF_RANGE", f"{name} of this {self.topic} record has too many digits")
        return number


def _body(value: bytes) -> BytesIO:
    body = BytesIO(value)
    body.seek(HEADER.size)
    return body


def _form(schema: dict[str, Any]) -> _Form:
    types = [_inner(field["type"]) for field in schema["fields"]]
    has_blocks = any(isinstance(kind, dict) and kind["type"] in ("array", "map") for kind in types)
    return _Form(parse_schema(without_decimals(schema)), not has_blocks)


def _checked_form(topic: str, schema_id: int, schema: Any) -> _Form:
    """The form of another writer's schema, if its records can be read as the topic's."""
    try:
        problems = unreadable(schema, load_schema(topic))
        form = None if problems else _form(schema)
    except NOT_A_SCHEMA as error:
        problems, form = [f"{type(error).__name__} {error}"], None
    if form is None:
        reasons = "; ".join(problems)[:REASONS_CHARS_MAX]
        text = f"schema id {schema_id} is none of {topic}: {reasons}. Write with schemas/avsc/{topic}.avsc"
        raise UndecodableRecord("WRONG_SCHEMA", text)
    return form


def without_decimals(schema: Any) -> Any:
    """The schema with decimals as plain bytes; all else as it stands."""
    if isinstance(schema, dict):
        if schema.get("logicalType") == "decimal":
            return schema["type"]
        return {key: without_decimals(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [without_decimals(item) for item in schema]
    return schema


def _inner(kind: Any) -> Any:
    """The type beside null in a union; any other as it stands."""
    return next(item for item in kind if item != "null") if isinstance(kind, list) else kind
