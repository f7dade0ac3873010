"""Orders over a time: at a steady rate, or as fast as they are answered with a bounded number unanswered."""

import statistics
import time
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import OrderRequest
from streams.errors import NoAnswer
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.tools.bench.await_records import POLL_S, SILENCE_S

UNANSWERED_MAX = 5_000
"""Orders without a terminal result at which sending waits, because a growing backlog shows no sustained rate."""
SENT_AT_ONCE_MAX = 200
"""Orders sent between two polls."""


class SustainedFigures(NamedTuple):
    """Orders a second from the first sent to the last answered; milliseconds from sending to the terminal result."""

    orders_per_s: float
    p50_ms: float
    p99_ms: float


def send_sustained(
    settings: Settings, codec: Codec, orders: Iterator[OrderRequest], seconds: float, per_second: float | None = None
) -> SustainedFigures:
    """Sends orders for a time, and waits for the last answer.

    Args:
        settings: of a running pipeline.
        codec: encodes the orders.
        orders: endless.
        seconds: how long to send.
        per_second: most orders a second; None: as fast as they are answered.

    Raises:
        NoAnswer: no order was answered for SILENCE_S.
    """
    producer = RecordProducer(settings, codec, linger_ms=1)
    sent: dict[tuple[str, str], float] = {}
    took_ms, number = array("d"), 0
    with Follower(settings, codec, ["order.results"]) as results:
        started = heard = time.monotonic()
        while (now := time.monotonic()) < started + seconds or sent:
            room = min(UNANSWERED_MAX - len(sent), SENT_AT_ONCE_MAX) if now < started + seconds else 0
            if per_second is not None:
                room = min(room, int((now - started) * per_second) + 1 - number)
            for _ in range(room):
                order = next(orders)
                sent[order.account_id, order.order_id] = time.monotonic()
                producer.send("orders", order.account_id, order)
                number += 1
            for item in results.poll(POLL_S):
                if item.message.terminal:
                    heard = time.monotonic()
                    took_ms.append((heard - sent.pop((item.message.account_id, item.message.order_id))) * 1_000)
            if time.monotonic() - heard > SILENCE_S:
                raise NoAnswer(f"{len(sent)} of {number} orders were not answered; see the worker's log")
    took_ms = array("d", sorted(took_ms))
    return SustainedFigures(number / (heard - started), statistics.median(took_ms), took_ms[int(len(took_ms) * 0.99)])
