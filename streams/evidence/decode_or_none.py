"""Decodes records that may be unreadable."""

from typing import Any

from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord


def decode_or_none(codec: Codec, topic: str, value: bytes | None) -> Any:
    """Returns the record, or None if it has no value, can't be decoded, or its topic has no record class."""
    try:
        return None if value is None else codec.decode(topic, value)
    except (UndecodableRecord, KeyError):
        return None
