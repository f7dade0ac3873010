"""Garbage at full speed on a running pipeline, and the dead letters that became of it."""

from __future__ import annotations

import time
from collections import Counter
from random import Random
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.kafka.client_config import client_config
from infra.kafka.topics import dead_letter_topic, partition_count, topic_name
from infra.principal import FEED, OPERATOR, TRADER
from infra.settings import Settings
from schemas.avro.codec import HEADER, MAGIC, Codec
from schemas.registry import Registry
from schemas.topic_schemas import MESSAGE_CLASSES
from streams.pipeline.journal.kafka_log import KafkaLogReader
from tests import builders
from tests.end_to_end.desk import SYMBOL, immediate
from tests.fuzz.order_flow import ACCOUNTS

TOPICS = tuple(MESSAGE_CLASSES)
WRITERS = {
    "orders": TRADER,
    "market.data": FEED,
    "controls": OPERATOR,
    "test.results": OPERATOR,
    "gate.decisions": OPERATOR,
}
"""Principal that may write a topic; all other topics are the pipeline's own."""
FLUSH_S = 120.0
AWAIT_S = 180.0
FLUSH_EVERY = 500
POLL_S = 0.2

LetterPlace = tuple[str, int, int]


class Thrower:
    """A sender of garbage. accepted: places of the records that Kafka took; denied: errors of the others."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.accepted: set[LetterPlace] = set()
        self.denied: Counter[str] = Counter()
        self._settings = settings
        self._draw = Random(seed)
        self._producers: dict[str, Producer] = {}
        source = Registry(settings.model_copy(update={"kafka_principal": TRADER}))
        self._ids = {topic: source.writer_id(topic) for topic in TOPICS}
        codec = Codec(source)
        self._good = {
            "orders": codec.encode("orders", immediate("bad", ACCOUNTS[0])),
            "controls": codec.encode("controls", builders.opening("bad")),
            "market.data": codec.encode("market.data", builders.quote(symbol=SYMBOL)),
        }

    def throw(self, count: int, rate: float) -> None:
        """Sends garbage, spread over all topics, and waits until Kafka has answered all of it. rate: per second."""
        began = time.monotonic()
        for number in range(count):
            topic = self._draw.choice(TOPICS)
            producer = self._producer(WRITERS.get(topic, TRADER))
            partition = self._draw.randrange(partition_count(self._settings, topic))
            name, value = topic_name(self._settings, topic), self._value(topic)
            key = self._draw.choice((b"k", ACCOUNTS[0].encode(), b"\xff\xfe", b"accounts-0"))
            try:
                producer.produce(name, value, key, partition, on_delivery=self._noting(topic))
            except KafkaException as failure:
                self.denied[failure.args[0].name()] += 1
            if number % FLUSH_EVERY == 0:
                producer.flush(FLUSH_S)
                time.sleep(max(began + number / rate - time.monotonic(), 0.0))
        for producer in self._producers.values():
            assert producer.flush(FLUSH_S) == 0

    def _producer(self, principal: str) -> Producer:
        if principal not in self._producers:
            self._producers[principal] = Producer(client_config(self._settings, principal) | {"linger.ms": 20})
        return self._producers[principal]

    def _noting(self, topic: str) -> Any:
        def note(error: KafkaError | None, message: Message) -> None:
            if error is None:
                place = (topic, message.partition(), message.offset())
                self.accepted.add(place)  # type: ignore[arg-type]
            else:
                self.denied[error.name()] += 1

        return note

    def _value(self, topic: str) -> bytes | None:
        draw, good = self._draw, self._good.get(topic)
        other = draw.choice([name for name in ("marks", "fills", "test.results") if name != topic])
        made: list[bytes | None] = [
            b"",
            draw.randbytes(draw.randint(1, 40)).replace(b"\x00", b"\x01"),
            b"\x00" + draw.randint(10_000, 2**32 - 1).to_bytes(4, "big") + draw.randbytes(2),
            HEADER.pack(MAGIC, self._ids[other]) + draw.randbytes(30),
            HEADER.pack(MAGIC, self._ids[topic]),
            HEADER.pack(MAGIC, self._ids[topic]) + b"\x01" * draw.randint(1, 2_000),
        ]
        if good is not None:
            made += [good[: draw.randrange(5, len(good))], good + b"\x00"]
        if not topic.startswith(("positions", "snapshots")):
            made.append(draw.choice((None, b"x" * 100_000)) if draw.random() < 0.1 else None)
        return draw.choice(made)


def letters(settings: Settings) -> Counter[LetterPlace]:
    """Returns the number of dead letters of each record, by its place."""
    found: Counter[LetterPlace] = Counter()
    for topic in TOPICS:
        for letter in KafkaLogReader(settings).read(dead_letter_topic(topic), 0, 0):
            headers = dict(letter.headers)
            found[topic, int(headers["partition"]), int(headers["offset"])] += 1
    return found


def await_letters(settings: Settings, wanted: set[LetterPlace]) -> Counter[LetterPlace]:
    """Waits until each place has a dead letter, and returns all. The caller judges their numbers."""
    deadline = time.monotonic() + AWAIT_S
    while not wanted <= (found := letters(settings)).keys() and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return found
