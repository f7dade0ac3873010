"""A shard's processor handles single records: repeated, bad, misdirected and refused ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.processor import FORWARDED_FROM
from streams.pipeline.journal.raw_records import RawRecord
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline


@pytest.fixture
def pipeline() -> MemoryPipeline:
    made = MemoryPipeline()
    made.send("controls", "A", builders.opening("A"))
    made.send("market.data", "ABC", builders.quote())
    made.run()
    return made


def letters(pipeline: MemoryPipeline, topic: str) -> list[RawRecord]:
    return pipeline.log.partitions[f"dlq.{topic}", 0]


def header(record: RawRecord, name: str) -> str:
    return dict(record.headers)[name].decode()


def statuses(pipeline: MemoryPipeline) -> list[tuple[str, str]]:
    results: Any = pipeline.messages("order.results")
    return [(result.order_id, str(result.exec_type)) for result in results]


def test_an_order_in_a_wrong_partition_is_forwarded_once_and_traded_once(pipeline: MemoryPipeline) -> None:
    home = partition_of("A", PARTITIONS)
    sent = pipeline.send("orders", "A", builders.new("o", price="10.02"), partition=1 - home)
    pipeline.run()
    copies = [record for record in pipeline.log.partitions["orders", home] if record.headers]
    assert [(copy.key, copy.value) for copy in copies] == [(sent.key, sent.value)]
    assert header(copies[0], FORWARDED_FROM) == f"{1 - home}:{sent.offset}"
    assert Counter(statuses(pipeline))["o", "FILL"] == 1


def test_market_data_in_a_wrong_partition_is_forwarded_too(pipeline: MemoryPipeline) -> None:
    home = partition_of("ABC", PARTITIONS)
    later = builders.quote(ask="9.99", at=builders.START + builders.SECOND)
    pipeline.send("market.data", "ABC", later, partition=1 - home)
    pipeline.run()
    assert len(pipeline.log.partitions["market.data", home]) == 2


def test_a_record_forwarded_to_a_wrong_partition_is_not_passed_on_for_ever(pipeline: MemoryPipeline) -> None:
    away = 1 - partition_of("A", PARTITIONS)
    value = pipeline.codec.encode("orders", builders.new("o", price="10.02"))
    pipeline.log.append("orders", away, b"A", value, headers=((FORWARDED_FROM, b"0:0"),))
    pipeline.run()
    assert header(letters(pipeline, "orders")[0], "error_class") == "WRONG_PARTITION"


@pytest.mark.parametrize(
    ("key", "value", "error_class"),
    [
        (b"A", b"", "EMPTY_VALUE"),
        (b"A", None, "NULL_VALUE"),
        (b"A", b"\x01\x00\x00\x00\x01", "WRONG_MAGIC"),
        (b"A", b"\x00\x7f\xff\xff\xff\x00", "UNKNOWN_SCHEMA"),
        (b"A", "truncated", "NOT_READABLE"),
        (b"A", "extended", "TRAILING_BYTES"),
        (None, "whole", "NULL_KEY"),
        (b"B", "whole", "WRONG_KEY"),
    ],
)
def test_a_bad_record_goes_to_its_dead_letter_topic_and_the_next_one_flows(
    pipeline: MemoryPipeline, key: bytes | None, value: bytes | str | None, error_class: str
) -> None:
    home = partition_of("A", PARTITIONS)
    good = pipeline.codec.encode("orders", builders.new("bad", price="10.02"))
    made = {"whole": good, "truncated": good[:-3], "extended": good + b"\x00"}
    bytes_sent = made[value] if isinstance(value, str) else value
    sent = pipeline.log.append("orders", home, key, bytes_sent, headers=(("trace", b"t-1"),))
    pipeline.send("orders", "A", builders.new("next", price="10.02"))
    pipeline.run()
    (letter,) = letters(pipeline, "orders")
    assert (letter.key, letter.value) == (key, bytes_sent)
    assert header(letter, "error_class") == error_class
    assert header(letter, "message")
    place = tuple(header(letter, name) for name in ("topic", "partition", "offset", "stage"))
    assert place == ("orders", str(home), str(sent.offset), "accounts")
    assert header(letter, "original.trace") == "t-1"
    assert statuses(pipeline) == [("next", "NEW"), ("next", "FILL")]


def test_a_record_that_the_core_refuses_is_dead_lettered_with_its_rule(pipeline: MemoryPipeline) -> None:
    pipeline.send("market.data", "ABC", builders.quote(at=builders.START - 1))
    pipeline.run()
    assert header(letters(pipeline, "market.data")[0], "error_class") == "MARKET_TIME_STEPS_BACK"


def test_a_repeated_delivery_changes_nothing(pipeline: MemoryPipeline) -> None:
    pipeline.send("orders", "A", builders.new("o", price="10.02"))
    pipeline.run()
    home = partition_of("A", PARTITIONS)
    processor = pipeline.processors[ACCOUNTS, home]
    before = processor.shard.to_state()
    for topic in ACCOUNTS.inputs:
        for record in pipeline.log.partitions[topic, home]:
            processor.take(record)
    assert processor.finish() is None
    assert processor.shard.to_state() == before
