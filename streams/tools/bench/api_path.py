"""The way of orders through the HTTP service, in by HTTP and out by WebSocket, beside the way through Kafka."""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

from aiohttp import BasicAuth, ClientSession, ClientWebSocketResponse, TCPConnector

from infra.settings import Settings
from infra.stack.http_service import HOST, HttpService
from schemas.avro.codec import Codec
from schemas.records.messages import OrderRequest
from schemas.records.numbers import price_text
from schemas.registry import Registry
from streams.errors import NoAnswer
from streams.pipeline.feed.send import send
from streams.pipeline.feed.table import MarketTable
from streams.serve.api_keys import ApiKeys
from streams.tools.bench.await_records import SILENCE_S
from streams.tools.bench.bench_orders import BenchOrder, order_requests
from streams.tools.bench.live_path import BenchClient
from streams.tools.demo.namespace import nested_namespace
from streams.tools.demo.pipeline_children import running_pipeline

ORDERS_PER_S = 200.0
ACCOUNT = "bench-api"
READERS, READING_S, ASKING = 20, 3.0, 16
"""Keys that ask in turn, because each has a limit; seconds of asking; requests at the same time."""
READY_S = 120.0
POLL_S = 0.05
ENDED = frozenset({"fill", "canceled", "rejected", "expired"})


class ApiFigures(NamedTuple):
    """Figures of the HTTP service.

    Attributes:
        p50_ms: from the request of an order to its terminal result by WebSocket, median, at ORDERS_PER_S.
        p99_ms: the same, 99th percentile.
        kafka_p50_ms: the same orders through Kafka alone, median.
        kafka_p99_ms: the same, 99th percentile.
        requests_per_s: answers to GET /v2/account a second.
    """

    p50_ms: float
    p99_ms: float
    kafka_p50_ms: float
    kafka_p99_ms: float
    requests_per_s: float


Key = tuple[str, str]


def measure_api(
    settings: Settings, table: MarketTable, orders: Sequence[BenchOrder], number: int, on_step: Callable[[str], None]
) -> ApiFigures:
    """Measures with a worker and a service of its own. number: orders of each way. Raises NoAnswer, ChildError."""
    # Without latency of the simulator: an order is answered though the market stands still.
    own = {"mock_trading": False, "simulator": "", "serve_port": _free_port()}
    settings = nested_namespace(settings, "api").model_copy(update=own)
    codec = Codec(Registry(settings))
    with running_pipeline(settings, 1, on_step) as children:
        children.start("serve", "serve")
        client = BenchClient(settings, codec, ACCOUNT, list(orders))
        client.open_session()
        send(settings, codec, table, speed=None)
        on_step(f"latency through Kafka at {ORDERS_PER_S:g} orders/s")
        kafka = client.latency(number, ORDERS_PER_S)
        deadline = time.monotonic() + READY_S
        while not HttpService().is_ready(settings):
            children.demand_alive()
            if time.monotonic() > deadline:
                raise NoAnswer(f"the HTTP service does not answer within {READY_S:.0f} s; see its log")
            time.sleep(POLL_S)
        on_step(f"latency through the HTTP service at {ORDERS_PER_S:g} orders/s")
        with _keys(settings) as keys:
            took_ms, requests_per_s = asyncio.run(_measured(settings, keys, list(_bodies(orders, number))))
    ordered = sorted(took_ms)
    p99_ms = ordered[int(len(ordered) * 0.99)]
    return ApiFigures(statistics.median(ordered), p99_ms, kafka.p50_ms, kafka.p99_ms, requests_per_s)


@contextmanager
def _keys(settings: Settings) -> Iterator[list[Key]]:
    """Yields keys of the account, which end with the block."""
    keys = ApiKeys(settings)
    made = [keys.make(ACCOUNT) for _ in range(READERS)]
    try:
        yield made
    finally:
        for key_id, _ in made:
            keys.revoke(key_id)


def _bodies(orders: Sequence[BenchOrder], number: int) -> Iterator[dict[str, str]]:
    for request in order_requests(ACCOUNT, list(orders), number):
        yield _body(request)


def _body(request: OrderRequest) -> dict[str, str]:
    assert request.quantity is not None
    assert request.price is not None
    return {
        "symbol": request.symbol,
        "qty": price_text(request.quantity),
        "side": request.side.lower(),
        "type": "limit",
        "time_in_force": "ioc",
        "limit_price": price_text(request.price),
        "client_order_id": request.order_id,
    }


async def _measured(settings: Settings, keys: list[Key], bodies: list[dict[str, str]]) -> tuple[list[float], float]:
    url = f"http://{HOST}:{settings.serve_port}/alpaca"
    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        async with session.ws_connect(f"{url}/stream") as updates:
            await _listen(updates, keys[0])
            took_ms = await _latencies(session, updates, url, keys[0], bodies)
        return took_ms, await _requests_per_s(session, url, keys)


async def _listen(updates: ClientWebSocketResponse, key: Key) -> None:
    await updates.send_json({"action": "auth", "key": key[0], "secret": key[1]})
    await updates.receive()
    await updates.send_json({"action": "listen", "data": {"streams": ["trade_updates"]}})
    await updates.receive()


async def _latencies(
    session: ClientSession, updates: ClientWebSocketResponse, url: str, key: Key, bodies: list[dict[str, str]]
) -> list[float]:
    """Returns the milliseconds of each order. Raises NoAnswer."""
    sent: dict[str, float] = {}
    took_ms: dict[str, float] = {}

    async def post(body: dict[str, str]) -> None:
        async with session.post(f"{url}/v2/orders", json=body, auth=BasicAuth(*key)) as answer:
            await answer.read()

    async def read() -> None:
        while len(took_ms) < len(bodies):
            update = json.loads((await updates.receive()).data)["data"]
            order_id = update["order"]["client_order_id"]
            if update["event"] in ENDED:
                took_ms[order_id] = (time.monotonic() - sent[order_id]) * 1_000

    reader = asyncio.create_task(read())
    posts, begin = [], time.monotonic()
    for number, body in enumerate(bodies):
        await asyncio.sleep(max(begin + number / ORDERS_PER_S - time.monotonic(), 0))
        sent[body["client_order_id"]] = time.monotonic()
        posts.append(asyncio.create_task(post(body)))
    try:
        await asyncio.wait_for(reader, SILENCE_S)
    except TimeoutError:
        raise NoAnswer(f"{len(took_ms)} of {len(bodies)} orders were answered; see the service's log") from None
    await asyncio.gather(*posts)
    return list(took_ms.values())


async def _requests_per_s(session: ClientSession, url: str, keys: list[Key]) -> float:
    """Returns how many requests a second are answered, in turn from each key."""
    numbers, answered, end = count(), 0, time.monotonic() + READING_S

    async def ask() -> None:
        nonlocal answered
        while time.monotonic() < end:
            auth = BasicAuth(*keys[next(numbers) % len(keys)])
            async with session.get(f"{url}/v2/account", auth=auth) as answer:
                answer.raise_for_status()
                await answer.read()
            answered += 1

    await asyncio.gather(*(ask() for _ in range(ASKING)))
    return answered / READING_S


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind((HOST, 0))
        port: int = opened.getsockname()[1]
        return port
