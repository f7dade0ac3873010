"""Every dead letter fits its topic, even that of a very large record."""

from __future__ import annotations

import pytest

from infra.kafka.topics import BY_NAME, DLQ_MARGIN_BYTES, dead_letter_topic
from streams.pipeline.journal.dead_letters import CUT_KEY_BYTES, MESSAGE_CHARS_MAX, BadRecord, dead_letter
from streams.pipeline.journal.raw_records import Headers, RawOutput, RawRecord
from tests import builders
from tests.pipeline.journal.pipeline import MemoryPipeline

LIMIT = BY_NAME["orders"].max_message_bytes


def letter_of(key: bytes | None, value: bytes | None, headers: Headers = (), text: str = "why") -> RawOutput:
    return dead_letter(RawRecord("orders", 3, 7, key, value, 0, headers), "accounts", BadRecord("BAD", text))


def size(letter: RawOutput) -> int:
    return (
        len(letter.key or b"")
        + len(letter.value or b"")
        + sum(len(name) + len(value) for name, value in letter.headers)
    )


def test_the_original_is_kept_whole() -> None:
    letter = letter_of(b"\xff", b"\x00value", (("a", b"1"), ("a", b"2")))
    assert (letter.topic, letter.key, letter.value) == ("dlq.orders", b"\xff", b"\x00value")
    assert letter.headers == (
        ("topic", b"orders"),
        ("partition", b"3"),
        ("offset", b"7"),
        ("stage", b"accounts"),
        ("error_class", b"BAD"),
        ("message", b"why"),
        ("original.a", b"1"),
        ("original.a", b"2"),
    )


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"k", b"v" * 10 * LIMIT, ()),
        (b"k" * 10 * LIMIT, None, ()),
        (None, b"v", (("h", b"h" * 10 * LIMIT),)),
        (b"k" * (LIMIT // 2), b"v" * (LIMIT // 2), (("h", b"h"),)),
    ],
)
def test_one_that_came_compressed_is_cut_and_says_so(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    letter = letter_of(key, value, headers)
    assert size(letter) < LIMIT + DLQ_MARGIN_BYTES // 2
    originals = sum(len(f"original.{name}") + len(content) for name, content in headers)
    assert letter.headers[-1] == ("cut", str(len(key or b"") + len(value or b"") + originals).encode())
    assert letter.key == (key and key[:CUT_KEY_BYTES])
    assert (value or b"").startswith(letter.value or b"")


def test_a_long_reason_is_shortened() -> None:
    assert len(dict(letter_of(b"k", b"v", text="x" * LIMIT).headers)["message"]) == MESSAGE_CHARS_MAX
    assert BY_NAME[dead_letter_topic("orders")].max_message_bytes == LIMIT + DLQ_MARGIN_BYTES


def test_texts_that_would_come_back_many_times_are_refused() -> None:
    pipeline = MemoryPipeline()
    pipeline.send("market.data", "s" * 1_001, builders.quote(symbol="s" * 1_001))
    pipeline.send("market.data", "s" * 1_000, builders.quote(symbol="s" * 1_000))
    pipeline.run()
    classes = [dict(letter.headers)["error_class"] for letter in pipeline.log.partitions["dlq.market.data", 0]]
    assert classes == [b"TEXT_TOO_LONG"]
