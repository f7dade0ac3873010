"""Good orders at a steady rate on a running pipeline, and how long each waits for its result."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self

from confluent_kafka import Producer

from infra.kafka.client_config import client_config
from infra.kafka.topics import topic_name
from infra.principal import TRADER
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.pipeline.clients.follow import Follower
from tests.end_to_end.desk import immediate

ACCOUNTS = tuple(f"flow-{number}" for number in range(8))
NO_LIMIT = json.dumps({"max_open_orders": None, "max_open_orders_per_symbol": None, "max_position": None})
FLUSH_S = 120.0
AWAIT_S = 180.0
POLL_S = 0.02
END_S = 30.0


class Waits(NamedTuple):
    """The waits of the orders sent since begin_count(), from sending to the first result, in seconds.

    orders: number of all orders. lost: those of all orders that have no terminal result.
    """

    orders: int
    lost: int
    median_s: float
    longest_s: float


class OrderFlow:
    """A process of its own that sends orders: what the test does beside it must not delay the clock of the orders."""

    def __init__(self, settings: Settings, rate: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._commands, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, settings, rate))

    def __enter__(self) -> Self:
        """Begins to send."""
        self._process.start()
        self._ask("start")
        return self

    def __exit__(self, *_: object) -> None:
        self._commands.close()
        self._process.join(END_S)
        self._process.kill()

    def await_results(self, count: int) -> None:
        """Waits until that many orders have a result."""
        self._ask("await_results", count)

    def begin_count(self) -> None:
        """Counts the waits of orders that are sent from now on."""
        self._ask("begin_count")

    def stop(self) -> Waits:
        """Ends the sending, waits for the results, and returns the waits."""
        waits = self._ask("stop")
        assert isinstance(waits, Waits)
        return waits

    def _ask(self, name: str, *values: int) -> Any:
        self._commands.send((name, values))
        return self._commands.recv()


def _run(commands: Connection, settings: Settings, rate: float) -> None:
    """Obeys commands until the other end is closed."""
    sender = _Sender(settings, rate)
    try:
        while True:
            name, values = commands.recv()
            commands.send(getattr(sender, name)(*values))
    except EOFError:
        sender.give_up()


class _Sender:
    """Orders of several accounts at a steady rate, and the times of their results."""

    def __init__(self, settings: Settings, rate: float) -> None:
        self._settings = settings
        self._rate = rate
        self._codec = Codec(Registry(settings))
        self._producer = Producer(client_config(settings, TRADER) | {"linger.ms": 1})
        self._over = threading.Event()
        self._sent: dict[str, float] = {}
        self._first: dict[str, float] = {}
        self._counted_from = 0.0
        self._answered = threading.Condition()
        self._ended: set[str] = set()
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._follow)]
        self._following = threading.Event()

    def start(self) -> None:
        """Begins to send."""
        self._threads[1].start()
        assert self._following.wait(AWAIT_S)
        self._threads[0].start()

    def await_results(self, count: int) -> None:
        """Waits until that many orders have a result."""
        with self._answered:
            assert self._answered.wait_for(lambda: len(self._ended) >= count, AWAIT_S), f"{len(self._ended)} results"

    def begin_count(self) -> None:
        """Counts the waits of orders that are sent from now on."""
        self._counted_from = time.monotonic()

    def stop(self) -> Waits:
        """Ends the sending, waits for the results, and returns the waits."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        waits = sorted(
            self._first[order_id] - sent
            for order_id, sent in self._sent.items()
            if order_id in self._first and sent >= self._counted_from
        )
        lost = len(self._sent) - len(self._ended)
        return Waits(len(self._sent), lost, waits[len(waits) // 2] if waits else 0.0, waits[-1] if waits else 0.0)

    def give_up(self) -> None:
        """Ends the sending at once."""
        self._over.set()

    def _send(self) -> None:
        began, number = time.monotonic(), 0
        topic = topic_name(self._settings, "orders")
        while not self._over.is_set():
            account = ACCOUNTS[number % len(ACCOUNTS)]
            order_id = f"{account}-{number}"
            value = self._codec.encode("orders", immediate(order_id, account))
            self._sent[order_id] = time.monotonic()
            self._producer.produce(topic, value, account.encode())
            self._producer.poll(0)
            number += 1
            self._over.wait(max(began + number / self._rate - time.monotonic(), 0))
        assert self._producer.flush(FLUSH_S) == 0

    def _follow(self) -> None:
        deadline = None
        with Follower(
            self._settings.model_copy(update={"kafka_principal": TRADER}), self._codec, ["order.results"]
        ) as results:
            self._following.set()
            while not self._over.is_set() or len(self._ended) < len(self._sent):
                for item in results.poll(POLL_S):
                    now, order_id = time.monotonic(), item.message.order_id
                    if order_id in self._sent:
                        self._first.setdefault(order_id, now)
                        if item.message.terminal:
                            self._ended.add(order_id)
                with self._answered:
                    self._answered.notify_all()
                if self._over.is_set():
                    deadline = deadline or time.monotonic() + AWAIT_S
                    if time.monotonic() > deadline:
                        return
