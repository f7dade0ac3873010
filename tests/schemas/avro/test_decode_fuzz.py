"""Fuzz tests of decoding: any bytes give a record that can be encoded again, or a refusal with a reason."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from schemas.memory_registry import MemoryRegistry
from tests.builders import PROPERTY, new, quote
from tests.schemas.avro.strategies import CORE_TOPICS, messages

SOURCE = MemoryRegistry()
CODEC = Codec(SOURCE)
ORDER = new("o-1", price="10.02")
ORDER_VALUE = CODEC.encode("orders", ORDER)
MARKET_VALUE = CODEC.encode("market.data", quote())
KIBIBYTE = 1024

TOPIC = st.sampled_from(CORE_TOPICS)
ERROR_CLASSES = {
    "EMPTY_VALUE",
    "WRONG_MAGIC",
    "UNKNOWN_SCHEMA",
    "WRONG_SCHEMA",
    "NOT_READABLE",
    "TRAILING_BYTES",
    "NUMBER_OUT_OF_RANGE",
}


def zigzag(number: int) -> bytes:
    """Returns an Avro long."""
    rest = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*encoded, rest])


def header(topic: str) -> bytes:
    return b"\x00" + SOURCE.writer_id(topic).to_bytes(4, "big")


def judge(topic: str, value: bytes) -> Any:
    """Returns the record, or None for a refusal with a reason."""
    try:
        message = CODEC.decode(topic, value)
    except UndecodableRecord as error:
        refusal = error
    else:
        CODEC.encode(topic, message)
        return message
    assert refusal.error_class in ERROR_CLASSES
    assert len(str(refusal)) < KIBIBYTE
    return None


def refusal_of(topic: str, value: bytes) -> str:
    with pytest.raises(UndecodableRecord) as refusal:
        CODEC.decode(topic, value)
    return refusal.value.error_class


@given(TOPIC, st.binary(max_size=200))
@PROPERTY
def test_random_bytes(topic: str, value: bytes) -> None:
    judge(topic, value)
    judge(topic, header(topic) + value)


@given(TOPIC, TOPIC, st.data())
@PROPERTY
def test_a_record_of_another_topic_is_refused(topic: str, other: str, data: st.DataObject) -> None:
    value = CODEC.encode(other, data.draw(messages(other)))
    if other != topic:
        assert refusal_of(topic, value) == "WRONG_SCHEMA"


@given(TOPIC, st.data())
@PROPERTY
def test_every_truncation_is_seen(topic: str, data: st.DataObject) -> None:
    value = CODEC.encode(topic, data.draw(messages(topic)))
    for length in range(len(value)):
        assert refusal_of(topic, value[:length]) in {"EMPTY_VALUE", "WRONG_MAGIC", "NOT_READABLE"}


@given(TOPIC, st.data(), st.binary(min_size=1, max_size=20))
@PROPERTY
def test_bytes_behind_a_record_are_seen(topic: str, data: st.DataObject, more: bytes) -> None:
    value = CODEC.encode(topic, data.draw(messages(topic)))
    assert refusal_of(topic, value + more) == "TRAILING_BYTES"


@given(TOPIC, st.data())
@PROPERTY
def test_flipped_bits(topic: str, data: st.DataObject) -> None:
    value = bytearray(CODEC.encode(topic, data.draw(messages(topic))))
    for bit in data.draw(st.lists(st.integers(0, 8 * len(value) - 1), min_size=1, max_size=8)):
        value[bit // 8] ^= 1 << bit % 8
    judge(topic, bytes(value))


@given(TOPIC, st.data())
@PROPERTY
def test_lengths_and_indices_that_are_absurd(topic: str, data: st.DataObject) -> None:
    value = CODEC.encode(topic, data.draw(messages(topic)))
    at = data.draw(st.integers(5, len(value)))
    absurd = data.draw(st.sampled_from([2**62, 2**63 - 1, -1, -2, -(2**62), -(2**63), 2**31, 2**40]))
    judge(topic, value[:at] + zigzag(absurd) + value[at + data.draw(st.integers(0, 2)) :])


@pytest.mark.parametrize("length", [2**31, 2**40, 2**62, 2**63 - 1])
@pytest.mark.parametrize("topic", CORE_TOPICS)
def test_a_huge_length_takes_no_memory(topic: str, length: int) -> None:
    value = header(topic) + zigzag(length) * 50
    judge(topic, value)  # What is made once, such as the parsed schema, does not count.
    tracemalloc.start()
    judge(topic, value)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * KIBIBYTE


@pytest.mark.parametrize("count", [2**31, 2**62, 2**63 - 1, -1, -(2**62), -(2**63)])
def test_an_array_of_absurd_length_ends_with_the_bytes(count: int) -> None:
    start = MARKET_VALUE.index(b"\x02Q") + 2
    judge("market.data", MARKET_VALUE[:start] + zigzag(count) + MARKET_VALUE[start + 1 :])


def test_an_array_may_come_in_blocks_with_their_sizes() -> None:
    """Some writers send a negative count and the block's size in bytes."""
    times = CODEC.decode("market.data", MARKET_VALUE).times
    item = zigzag(times[0])
    assert MARKET_VALUE.count(zigzag(1) + item + zigzag(0)) == 1
    blocks = zigzag(-1) + zigzag(len(item)) + item + zigzag(0)
    value = MARKET_VALUE.replace(zigzag(1) + item + zigzag(0), blocks)
    assert CODEC.decode("market.data", value) == CODEC.decode("market.data", MARKET_VALUE)


def order_with(old: bytes, new_bytes: bytes) -> bytes:
    """Returns the order's value with its only occurrence of old replaced."""
    assert ORDER_VALUE.count(old, 5) == 1
    return ORDER_VALUE[:5] + ORDER_VALUE[5:].replace(old, new_bytes)


PRICE = b"\x02\x0a" + ORDER.price.to_bytes(5, "big") if ORDER.price else b""
TOO_MUCH = (10**18).to_bytes(8, "big")


BAD_ORDERS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "EMPTY_VALUE"),
    "no header": (b"\x00", "WRONG_MAGIC"),
    "another magic byte": (b"\x01" + ORDER_VALUE[1:], "WRONG_MAGIC"),
    "JSON": (b'{"order_id": "o-1"}', "WRONG_MAGIC"),
    "an unknown id": (b"\x00\x00\x00\x27\x0f" + ORDER_VALUE[5:], "UNKNOWN_SCHEMA"),
    "the largest id": (b"\x00\xff\xff\xff\xff" + ORDER_VALUE[5:], "UNKNOWN_SCHEMA"),
    "the id of another topic": (header("fills") + ORDER_VALUE[5:], "WRONG_SCHEMA"),
    "the id of a topic without records of the core": (header("test.results") + ORDER_VALUE[5:], "WRONG_SCHEMA"),
    "no body": (ORDER_VALUE[:5], "NOT_READABLE"),
    "a byte too many": (ORDER_VALUE + b"\x00", "TRAILING_BYTES"),
    "text that is not UTF-8": (order_with(b"\x06o-1", b"\x06\xff\xfe\xfd"), "NOT_READABLE"),
    "a digit too many": (order_with(PRICE, b"\x02\x10" + TOO_MUCH), "NUMBER_OUT_OF_RANGE"),
    "zeros without end": (order_with(PRICE, b"\x02" + zigzag(10_000) + b"\x00" * 10_000), "NUMBER_OUT_OF_RANGE"),
    "a negative symbol": (header("orders") + zigzag(-1) + ORDER_VALUE[6:], "NOT_READABLE"),
    "a symbol too many": (header("orders") + zigzag(9) + ORDER_VALUE[6:], "NOT_READABLE"),
    "a symbol in two bytes": (header("orders") + b"\x82\x00" + ORDER_VALUE[6:], "NOT_READABLE"),
    "a negative branch": (order_with(PRICE, b"\x01" + PRICE[1:]), "NOT_READABLE"),
    "a branch too many": (order_with(PRICE, b"\x04" + PRICE[1:]), "NOT_READABLE"),
}


@pytest.mark.parametrize(("value", "error_class"), BAD_ORDERS.values(), ids=BAD_ORDERS.keys())
def test_each_kind_of_bad_record_has_its_code(value: bytes, error_class: str) -> None:
    assert refusal_of("orders", value) == error_class
    assert CODEC.decode("orders", ORDER_VALUE) == ORDER
