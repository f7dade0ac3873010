"""The codec: records to Avro in Confluent's wire format and back, without Decimal objects.

Wire format: byte 0, schema id as 4 bytes big-endian, Avro body. A decimal is the big-endian two's complement of its
unscaled integer, which is the core's fixed-point integer.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from schemas.avro.layout import DECIMAL, ENUM, Field, layout
from schemas.avro.reading import DECIMAL_BYTES_MAX, Reader, TooManyDigits
from schemas.avro.schema_resolution import WriterForm, read_resolved, writer_form
from schemas.avro.writing import write_record
from schemas.errors import UndecodableRecord
from schemas.records.construction import record_of
from schemas.records.output import Message
from schemas.topic_schemas import MESSAGE_CLASSES, load_schema

MAGIC = 0
HEADER = struct.Struct(">bI")


class SchemaSource(Protocol):
    """The source of schema ids: schemas.registry, or its in-memory twin."""

    def writer_id(self, topic: str) -> int:
        """Returns the id under which the schema of written_as is registered."""
        ...

    def written_as(self, topic: str) -> Any:
        """Returns the schema in which records are written: the topic's own, or an earlier version that it extends."""
        ...

    def schema_by_id(self, topic: str, schema_id: int) -> Any:
        """Returns the schema of an id on a topic, which may be any JSON, because other programs register schemas too.

        Raises UndecodableRecord for an unknown id, RegistryUnavailable if the registry does not answer.
        """
        ...

    def unknown(self, topic: str, schema_ids: Iterable[int]) -> set[int]:
        """Returns the ids on a topic for which the registry must be asked, now or soon: learn them first.

        Never waits. An id that may not be asked for now counts as known to be bad.
        """
        ...

    def learn(self, topic: str, schema_ids: Iterable[int]) -> None:
        """Finds out about ids on a topic, with few requests for many; after that, schema_by_id knows them for a while.

        Raises RegistryUnavailable if the registry does not answer.
        """
        ...


class Codec:
    """The encoder and decoder of all topics; it parses each schema once."""

    def __init__(self, source: SchemaSource) -> None:
        self._source = source
        self._topics: dict[str, _TopicCodec] = {}
        self._forms: dict[tuple[str, int], WriterForm | str] = {}
        """Forms of writers' schemas; the reason for a schema that is none of its topic."""

    def encode(self, topic: str, message: Message) -> bytes:
        """Returns a record as the value of a Kafka record."""
        codec = self._topics.get(topic) or self._topic(topic)
        return write_record(codec.header, codec.written, message if codec.is_whole else codec.as_earlier(message))

    def decode(self, topic: str, value: bytes) -> Any:
        """Returns the record in a Kafka value, of the topic's class in schemas.topic_schemas.

        Raises UndecodableRecord for bytes that are no such record, RegistryUnavailable if a schema is not available.
        """
        codec = self._topics.get(topic) or self._topic(topic)
        if codec.is_whole and value.startswith(codec.header):
            return codec.decode(value)
        if not value:
            raise UndecodableRecord("EMPTY_VALUE", f"a record of {topic} needs a value in Confluent wire format")
        if len(value) < HEADER.size or value[0] != MAGIC:
            text = f"a record of {topic} must begin with byte 0 and a schema id of 4 bytes; it begins {value[:5].hex()}"
            raise UndecodableRecord("WRONG_MAGIC", text)
        return codec.decode_resolved(value, self._form(topic, HEADER.unpack_from(value)[1]))

    def prepare(self) -> None:
        """Finds out the ids of all topics, for which the first record of each topic would wait.

        Raises RegistryUnavailable.
        """
        for topic in MESSAGE_CLASSES:
            if topic not in self._topics:
                self._topic(topic)

    def unknown_ids(self, topic: str, values: Sequence[bytes | None]) -> set[int]:
        """Returns the schema ids for which decode() of these values would have to ask the registry, now or soon."""
        codec = self._topics.get(topic) or self._topic(topic)
        others: set[int] = set()
        for value in values:
            if value is None or value.startswith(codec.header) or len(value) < HEADER.size or value[0] != MAGIC:
                continue
            schema_id: int = HEADER.unpack_from(value)[1]
            if (topic, schema_id) not in self._forms:
                others.add(schema_id)
        return self._source.unknown(topic, others) if others else others

    def learn(self, topic: str, schema_ids: set[int]) -> None:
        """Finds out about schema ids, so that decode() does not ask for them. Raises RegistryUnavailable."""
        self._source.learn(topic, schema_ids)

    def _topic(self, topic: str) -> "_TopicCodec":
        codec = _TopicCodec(topic, self._source.writer_id(topic), self._source.written_as(topic))
        self._topics[topic] = codec
        return codec

    def _form(self, topic: str, schema_id: int) -> WriterForm:
        form = self._forms.get((topic, schema_id))
        if form is None:
            schema = self._source.schema_by_id(topic, schema_id)
            try:
                form = writer_form(topic, schema_id, schema)
            except UndecodableRecord as error:
                form = str(error)
            self._forms[topic, schema_id] = form
        if isinstance(form, str):
            raise UndecodableRecord("WRONG_SCHEMA", form)
        return form


class _TopicCodec:
    """The encoder and decoder of one topic.

    fields: of the topic's schema. written: those of them that are written; is_whole: they are all.
    """

    def __init__(self, topic: str, schema_id: int, written_as: Any) -> None:
        self.header = HEADER.pack(MAGIC, schema_id)
        self.fields = layout(load_schema(topic))
        self.written = self.fields[: len(written_as["fields"])]
        self.is_whole = len(self.written) == len(self.fields)
        self._topic = topic
        self._class = MESSAGE_CLASSES[topic]

    def as_earlier(self, message: Message) -> Message:
        """Returns the fields of a record that an earlier version has; the others must hold their defaults."""
        count = len(self.written)
        assert not any(message[count:]), f"this {self._topic} record says more than its earlier version can"
        return message[:count]

    def decode(self, value: bytes) -> Any:
        """Returns the record in a value that was written with the topic's own schema. Raises UndecodableRecord."""
        reader = Reader(value, HEADER.size)
        try:
            values = reader.record(self.fields)
        except TooManyDigits as number:
            raise self._too_many_digits(str(number)) from number
        except (EOFError, ValueError) as error:
            text = f"the body of this {self._topic} record is not of its schema: {type(error).__name__} {error}"
            raise UndecodableRecord("NOT_READABLE", text) from error
        if reader.left:
            text = f"{reader.left} bytes stand behind the end of this {self._topic} record"
            raise UndecodableRecord("TRAILING_BYTES", text)
        return record_of(self._class, values)

    def decode_resolved(self, value: bytes, form: WriterForm) -> Any:
        """Returns the record in a value that was written with another schema. Raises UndecodableRecord."""
        read = read_resolved(self._topic, value, HEADER.size, form)
        return self._class(*(self._converted(field, read[field.name]) for field in self.fields))

    def _converted(self, field: Field, value: Any) -> Any:
        if value is None:
            return None
        if field.kind == ENUM:
            return field.members[field.places[value]]
        if field.kind == DECIMAL:
            if isinstance(value, str):
                # fastavro gives a default as the schema writes it: a character for each byte.
                value = value.encode("iso-8859-1")
            number = int.from_bytes(value[:DECIMAL_BYTES_MAX], "big", signed=True)
            if len(value) > DECIMAL_BYTES_MAX or not -field.limit < number < field.limit:
                raise self._too_many_digits(field.name)
            return number
        return value

    def _too_many_digits(self, name: str) -> UndecodableRecord:
        text = f"{name} of this {self._topic} record has too many digits"
        return UndecodableRecord("NUMBER_OUT_OF_RANGE", text)
