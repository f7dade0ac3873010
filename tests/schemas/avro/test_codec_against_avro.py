"""Tests of the codec against the Apache Avro library: each reads the other's records, with the same numbers."""

from __future__ import annotations

import decimal
from decimal import Decimal
from functools import cache
from io import BytesIO
from typing import Any

import avro.io
import avro.schema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.codec import HEADER, Codec
from schemas.memory_registry import MemoryRegistry
from schemas.topic_schemas import MESSAGE_CLASSES, load_schema, schema_text
from tests.builders import PROPERTY
from tests.schemas.avro.strategies import CORE_TOPICS, messages

CODEC = Codec(MemoryRegistry())
DIGITS = 38


@cache
def parsed(topic: str) -> avro.schema.Schema:
    return avro.schema.parse(schema_text(topic))


@cache
def scales(topic: str) -> dict[str, int]:
    """Returns the scale of each decimal field."""
    types = {field["name"]: field["type"] for field in load_schema(topic)["fields"]}
    inner = {name: kind[1] if isinstance(kind, list) else kind for name, kind in types.items()}
    return {name: kind["scale"] for name, kind in inner.items() if isinstance(kind, dict) and "scale" in kind}


def as_people_see_it(topic: str, message: Any) -> dict[str, Any]:
    """Returns the fields with Decimal numbers and enums as text."""
    fields: dict[str, Any] = {}
    for name, value in message._asdict().items():
        if name in scales(topic) and value is not None:
            fields[name] = Decimal(value).scaleb(-scales(topic)[name])
        else:
            fields[name] = str(value) if isinstance(value, str) else value
    return fields


@pytest.mark.parametrize("topic", CORE_TOPICS)
@given(data=st.data())
@PROPERTY
def test_apache_avro_reads_what_the_codec_writes(topic: str, data: st.DataObject) -> None:
    message = data.draw(messages(topic))
    body = BytesIO(CODEC.encode(topic, message)[HEADER.size :])
    with decimal.localcontext(prec=DIGITS):
        record = avro.io.DatumReader(parsed(topic)).read(avro.io.BinaryDecoder(body))
        assert record == as_people_see_it(topic, message)
    assert body.read() == b""


@pytest.mark.parametrize("topic", CORE_TOPICS)
@given(data=st.data())
@PROPERTY
def test_the_codec_reads_what_apache_avro_writes(topic: str, data: st.DataObject) -> None:
    message = data.draw(messages(topic))
    value = CODEC.encode(topic, message)
    body = BytesIO()
    with decimal.localcontext(prec=DIGITS):
        record = as_people_see_it(topic, message)
        avro.io.DatumWriter(parsed(topic)).write(record, avro.io.BinaryEncoder(body))
    back = CODEC.decode(topic, value[: HEADER.size] + body.getvalue())
    assert isinstance(back, MESSAGE_CLASSES[topic])
    assert back == message
