"""Headers are bounded, and what can't be forwarded becomes a dead letter, which always fits its topic."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.kafka.topics import BY_NAME, TOPICS, dead_letter_topic
from schemas.avro.codec import Codec
from schemas.memory_registry import MemoryRegistry
from streams.pipeline.dlq.letters import DeadLetter
from streams.pipeline.journal.dead_letters import BadRecord, dead_letter
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import UNREADABLE_HEADERS, Headers, RawRecord, batch_bytes
from streams.pipeline.journal.record_limits import HEADER_BYTES_MAX, HEADERS_MAX
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline
from tests.raw_batches import OddRecord, batch

LIMIT = BY_NAME["orders"].max_message_bytes
HOME = partition_of("A", PARTITIONS)
ORDER = Codec(MemoryRegistry()).encode("orders", builders.new("o", price="10.02"))
FULL: Headers = tuple((f"{number:02}", b"") for number in range(HEADERS_MAX))
LARGE: Headers = (("trace", b"x" * (HEADER_BYTES_MAX - len("trace"))),)


def refused(headers: Headers, partition: int = HOME, value: bytes = ORDER) -> tuple[list[str], MemoryPipeline]:
    """Returns the error classes of the letters of an order with these headers, once all shards are idle."""
    pipeline = MemoryPipeline()
    pipeline.send("controls", "A", builders.opening("A"))
    pipeline.send("market.data", "ABC", builders.quote())
    pipeline.log.append("orders", partition, b"A", value, headers=headers)
    pipeline.run()
    letters = pipeline.log.partitions[dead_letter_topic("orders"), 0]
    return [dict(letter.headers)["error_class"].decode() for letter in letters], pipeline


@pytest.mark.parametrize(
    ("headers", "error_class"),
    [
        (UNREADABLE_HEADERS, "HEADERS_NOT_READABLE"),
        ((*FULL, ("one more", b"")), "HEADERS_TOO_LARGE"),
        ((("trace", LARGE[0][1] + b"x"),), "HEADERS_TOO_LARGE"),
        ((("n" * HEADER_BYTES_MAX, b"x"),), "HEADERS_TOO_LARGE"),
        ((("trace", b"x" * 1_000_000),), "HEADERS_TOO_LARGE"),
    ],
)
@pytest.mark.parametrize("partition", [HOME, 1 - HOME])
def test_a_record_with_such_headers_is_one_dead_letter_in_any_partition(
    headers: Headers, error_class: str, partition: int
) -> None:
    classes, pipeline = refused(headers, partition)
    assert classes == [error_class]
    assert pipeline.messages("order.results") == []
    (letter,) = pipeline.log.partitions[dead_letter_topic("orders"), 0]
    assert (letter.key, letter.value) == (b"A", ORDER)
    assert not any("not-readable" in name for name, _ in letter.headers)


@pytest.mark.parametrize("headers", [FULL, LARGE, UNREADABLE_HEADERS * 2])
@pytest.mark.parametrize("partition", [HOME, 1 - HOME])
def test_headers_at_the_limit_are_taken_and_forwarded(headers: Headers, partition: int) -> None:
    classes, pipeline = refused(headers, partition)
    if partition == HOME:
        assert classes == []
        assert pipeline.messages("order.results")
    else:
        copies = pipeline.log.partitions["orders", HOME]
        assert [copy.headers[:-1] for copy in copies] == [headers]


@pytest.mark.parametrize(("spare", "classes"), [(100, ["TOO_LARGE_TO_FORWARD"]), (1_000, [])])
def test_a_record_that_our_header_makes_too_large_is_not_forwarded(spare: int, classes: list[str]) -> None:
    limit, home = BY_NAME["market.data"].max_message_bytes, partition_of("ABC", PARTITIONS)
    pipeline = MemoryPipeline()
    quote = builders.quote()
    size = len(pipeline.codec.encode("market.data", quote))
    longest = [2**61] * ((limit - size - spare) // 9)
    sent = pipeline.send("market.data", "ABC", quote._replace(times=longest), partition=1 - home)
    assert limit - spare - 20 < len(sent.value or b"") < limit
    pipeline.run()
    letters = pipeline.log.partitions[dead_letter_topic("market.data"), 0]
    forwarded = pipeline.log.partitions["market.data", home]
    found = [dict(letter.headers)["error_class"].decode() for letter in letters if letter.value == sent.value]
    assert found[: len(classes)] == classes
    assert bool(forwarded) == (not classes)


@settings(deadline=None)
@given(
    topic=st.sampled_from([topic.name for topic in TOPICS if topic.consumed]),
    key=st.none() | st.integers(0, 5_000_000),
    value=st.none() | st.integers(0, 9_000_000),
    headers=st.tuples(st.integers(0, 400_000), st.integers(0, 2), st.integers(0, 300)),
    text=st.text(max_size=1_100),
)
def test_every_dead_letter_fits_its_topic(
    topic: str, key: int | None, value: int | None, headers: tuple[int, int, int], text: str
) -> None:
    count, name, content = headers
    count = min(count, 2_000_000 // (1 + name + content))
    record = RawRecord(
        topic,
        0,
        2**62,
        None if key is None else bytes(key),
        None if value is None else bytes(value),
        0,
        (("\u20ac" * name, bytes(content)),) * count,
    )
    letter = dead_letter(record, "accounts", BadRecord("BAD", text))
    assert batch_bytes(letter.key, letter.value, letter.headers) <= BY_NAME[letter.topic].max_message_bytes


@given(
    st.none() | st.binary(max_size=300),
    st.none() | st.binary(max_size=300),
    st.lists(st.tuples(st.text(max_size=80), st.binary(max_size=80)), max_size=120),
)
def test_the_size_of_a_record_is_never_underestimated(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    odd = OddRecord(key, value, [(name.encode(), content) for name, content in headers])
    assert len(batch([odd])) <= batch_bytes(key, value, tuple(headers))


def test_a_letter_that_its_topic_would_not_take_again_says_so() -> None:
    letter = DeadLetter("orders", 0, 1, 2, "accounts", "BAD", "why", 0, b"k", bytes(LIMIT - 150), (), None)
    assert letter.obstacle == f"with a further header it may have {LIMIT + 48} bytes, and orders takes {LIMIT}"
    assert letter._replace(value=bytes(LIMIT - 300)).obstacle is None
