"""On real Kafka, the fetcher returns all committed records of the present assignment, in order, and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from faust.types import TP

from infra.kafka.client_config import client_config
from infra.kafka.topics import topic_name
from infra.settings import Settings
from streams.errors import LogUnavailable, MissingInputs
from streams.pipeline.journal.kafka_log import KafkaTransactions
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.worker.input_fetcher import InputFetcher, refusal

PATIENCE_S = 30.0
POLL_S = 0.01
AT_ONCE = 7
Taken = dict[TP, list[RawRecord]]


@pytest.fixture
def fetcher(pipeline_settings: Settings) -> Iterator[InputFetcher]:
    prefix = pipeline_settings.topic_prefix
    fetcher = InputFetcher(pipeline_settings, lambda topic: topic.removeprefix(prefix), AT_ONCE)
    try:
        yield fetcher
    finally:
        fetcher.close()


def place(settings: Settings, topic: str, partition: int) -> TP:
    return TP(topic_name(settings, topic), partition)


def write(settings: Settings, *outputs: RawOutput) -> None:
    KafkaTransactions(settings, "test-fetch").write(outputs)


def numbered(topic: str, partition: int, numbers: range) -> list[RawOutput]:
    return [RawOutput(topic, partition, b"key", str(number).encode()) for number in numbers]


def take(fetcher: InputFetcher, count: int) -> Taken:
    """Takes at least a number of records."""
    taken: Taken = {}
    deadline = time.monotonic() + PATIENCE_S
    while sum(map(len, taken.values())) < count:
        assert time.monotonic() < deadline, f"{count} records did not come: {taken}"
        at_once = fetcher.take()
        assert sum(map(len, at_once.values())) <= AT_ONCE
        for tp, records in at_once.items():
            taken.setdefault(tp, []).extend(records)
        if not at_once:
            time.sleep(POLL_S)
    return taken


def values(taken: Taken) -> dict[TP, list[int]]:
    return {tp: [int(record.value or b"") for record in records] for tp, records in taken.items()}


def test_partitions_come_whole_and_in_order_from_their_positions(
    pipeline_settings: Settings, fetcher: InputFetcher
) -> None:
    orders, marks = place(pipeline_settings, "orders", 1), place(pipeline_settings, "marks", 2)
    write(pipeline_settings, *numbered("orders", 1, range(20)), *numbered("marks", 2, range(5)))
    fetcher.assign({orders: 4, marks: 0})
    assert values(take(fetcher, 21)) == {orders: list(range(4, 20)), marks: list(range(5))}
    assert fetcher.take() == {}


def test_a_record_is_as_it_was_written(pipeline_settings: Settings, fetcher: InputFetcher) -> None:
    orders = place(pipeline_settings, "orders", 3)
    write(pipeline_settings, RawOutput("orders", 3, b"an account", b"\x00bytes", (("origin", b"here"),)))
    fetcher.assign({orders: 0})
    ((record,),) = take(fetcher, 1).values()
    assert record[:5] == ("orders", 3, 0, b"an account", b"\x00bytes")
    assert record.headers == (("origin", b"here"),)


def test_nothing_of_an_earlier_assignment_is_taken(pipeline_settings: Settings, fetcher: InputFetcher) -> None:
    orders, marks = place(pipeline_settings, "orders", 0), place(pipeline_settings, "marks", 0)
    write(pipeline_settings, *numbered("orders", 0, range(3 * AT_ONCE)), *numbered("marks", 0, range(2)))
    fetcher.assign({orders: 0})
    take(fetcher, 1)
    fetcher.assign({orders: 2, marks: 0})
    again = take(fetcher, 3 * AT_ONCE)
    assert values(again) == {orders: list(range(2, 3 * AT_ONCE)), marks: [0, 1]}
    fetcher.assign({})
    write(pipeline_settings, *numbered("orders", 0, range(1)))
    assert fetcher.take() == {}


def test_partitions_come_and_go_while_others_are_read(pipeline_settings: Settings, fetcher: InputFetcher) -> None:
    orders, marks = place(pipeline_settings, "orders", 0), place(pipeline_settings, "marks", 0)
    write(pipeline_settings, *numbered("orders", 0, range(3 * AT_ONCE)), *numbered("marks", 0, range(2)))
    fetcher.assign({marks: 0})
    assert values(take(fetcher, 2)) == {marks: [0, 1]}
    fetcher.add({orders: 2})
    take(fetcher, 1)
    fetcher.remove({orders})
    write(pipeline_settings, *numbered("marks", 0, range(2, 4)))
    assert values(take(fetcher, 2)) == {marks: [2, 3]}
    fetcher.add({orders: 5})
    fetcher.add({orders: 4})
    assert values(take(fetcher, 3 * AT_ONCE - 4)) == {orders: list(range(4, 3 * AT_ONCE))}
    fetcher.remove({orders, place(pipeline_settings, "desk", 0)})
    fetcher.assign({})
    fetcher.remove({orders})
    assert fetcher.take() == {}


def test_aborted_records_are_not_taken(pipeline_settings: Settings, fetcher: InputFetcher) -> None:
    orders = place(pipeline_settings, "orders", 0)
    producer = Producer(client_config(pipeline_settings) | {"transactional.id": f"{orders.topic}-aborts"})
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    producer.produce(orders.topic, b"1", partition=0)
    producer.flush()
    producer.abort_transaction(PATIENCE_S)
    write(pipeline_settings, *numbered("orders", 0, range(2, 3)))
    fetcher.assign({orders: 0})
    assert values(take(fetcher, 1)) == {orders: [2]}


def test_a_position_that_kafka_does_not_hold_any_more_is_an_error(
    pipeline_settings: Settings, fetcher: InputFetcher
) -> None:
    orders = place(pipeline_settings, "orders", 0)
    write(pipeline_settings, *numbered("orders", 0, range(5)))
    admin = AdminClient(client_config(pipeline_settings))
    for future in admin.delete_records([TopicPartition(orders.topic, 0, 3)]).values():
        future.result()
    fetcher.assign({orders: 1})
    with pytest.raises(MissingInputs, match=rf"{orders.topic}-0: Kafka no longer holds it"):
        take(fetcher, 1)


class Broken:
    """A client that delivers an error, then what the real client delivers."""

    def __init__(self, real: Any, error: KafkaError) -> None:
        self._real = real
        self._errors = [Message(topic="orders", partition=0, error=error)]

    def consume(self, count: int, timeout: float) -> list[Message]:
        errors, self._errors = self._errors, []
        found: list[Message] = self._real.consume(count - len(errors), timeout)
        return errors + found

    def close(self) -> None:
        self._real.close()


@pytest.mark.parametrize("code", [KafkaError._DESTROY_BROKER, KafkaError.OFFSET_NOT_AVAILABLE, KafkaError._TRANSPORT])
def test_an_error_that_passes_does_not_end_the_fetching(
    pipeline_settings: Settings, fetcher: InputFetcher, code: int
) -> None:
    orders = place(pipeline_settings, "orders", 0)
    write(pipeline_settings, *numbered("orders", 0, range(3)))
    fetcher.assign({orders: 0})
    fetcher._consumer = Broken(fetcher._consumer, KafkaError(code))  # type: ignore[assignment]
    assert values(take(fetcher, 3)) == {orders: [0, 1, 2]}


def test_what_else_the_client_says_is_an_outage() -> None:
    refused = refusal("orders-0", None, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert isinstance(refused, LogUnavailable)
    assert str(refused) == "reading orders-0: Broker: Topic authorization failed"
