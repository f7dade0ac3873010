"""The processes that the drill kills: how each is found, and known to have recovered. The supervisor restarts them."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import StrEnum

import psutil
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra import processes
from infra.clickhouse.client import connect
from infra.errors import ClickHouseError
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.clickhouse_server import ClickHouseServer
from infra.stack.kafka_server import KafkaServer
from infra.stack.server_process import Server
from schemas.avro.codec import Codec
from streams.errors import ChildError, LogUnavailable
from streams.operations.health.supervisor_state import read_children
from streams.pipeline.clients.follow import Follower

RECOVERY_DEADLINE_S = 180.0
POLL_S = 0.05
LANDED_RESULTS = """
SELECT uniqExact(order_id) FROM order_results
WHERE run_id = {run:String} AND order_id IN {ids:Array(String)} AND terminal
"""


class Victim(StrEnum):
    """The kinds of process that the drill kills."""

    WORKER = "worker"
    SINK = "sink"
    CLICKHOUSE = "clickhouse"
    KAFKA = "kafka"


SERVERS: dict[Victim, Server] = {Victim.CLICKHOUSE: ClickHouseServer(), Victim.KAFKA: KafkaServer()}
LANDING = (Victim.SINK, Victim.CLICKHOUSE)
"""Victims without which no rows land; their recovery shows in ClickHouse."""


def schedule(draw: random.Random, kills: int) -> Iterator[Victim]:
    """Yields a victim for each kill. Each kind occurs once in a round, each round in a random order."""
    planned: list[Victim] = []
    for _ in range(kills):
        if not planned:
            planned = draw.sample(list(Victim), len(Victim))
        yield planned.pop()


def kill(settings: Settings, victim: Victim, draw: random.Random) -> None:
    """Sends SIGKILL to a process of this drill's stack or supervisor, and waits for its end."""
    process = psutil.Process(_pid(settings, victim, draw))
    process.kill()
    with suppress(psutil.NoSuchProcess):
        process.wait(RECOVERY_DEADLINE_S)


def _pid(settings: Settings, victim: Victim, draw: random.Random) -> int:
    if victim in SERVERS:
        identity = processes.read_pid_file(local_stack.pid_file(settings, SERVERS[victim]))
        if identity is None or processes.find(identity) is None:
            raise ChildError(f"{victim}: not running, although the drill has not killed it")
        return identity.pid
    deadline = time.monotonic() + RECOVERY_DEADLINE_S
    while time.monotonic() < deadline:
        living = [child.pid for child in read_children(settings) if child.name.startswith(victim) and child.pid]
        if living:
            return draw.choice(living)
        time.sleep(POLL_S)
    raise ChildError(f"{victim}: its supervisor has not started one in {RECOVERY_DEADLINE_S:.0f} s")


def recovery_s(
    settings: Settings, codec: Codec, victim: Victim, killed_s: float, send_probes: Callable[[], list[str]]
) -> float:
    """Returns the seconds from the kill until orders sent after it have results: on Kafka, or as rows for LANDING.

    Args:
        killed_s: when the victim was killed, seconds of the monotonic clock.
        send_probes: sends the orders and returns their ids.

    Raises:
        ChildError: an order has no result in time.
    """
    deadline = killed_s + RECOVERY_DEADLINE_S
    with Follower(settings, codec, ["order.results"]) as results:
        ids = set(send_probes())
        if victim in LANDING:
            _await_rows(settings, sorted(ids), deadline)
        else:
            _await_results(results, ids, deadline)
    return time.monotonic() - killed_s


def _await_results(results: Follower, ids: set[str], deadline: float) -> None:
    waiting = set(ids)
    while waiting:
        if time.monotonic() > deadline:
            raise ChildError(f"no result in {RECOVERY_DEADLINE_S:.0f} s for {', '.join(sorted(waiting))}")
        with suppress(LogUnavailable):
            waiting -= {item.message.order_id for item in results.poll(POLL_S) if item.message.terminal}


def _await_rows(settings: Settings, ids: list[str], deadline: float) -> None:
    while time.monotonic() < deadline:
        with suppress(ClickHouseError, DriverError), connect(settings) as client:
            parameters = {"run": settings.run_id, "ids": ids}
            if client.query(LANDED_RESULTS, parameters).result_rows == [(len(ids),)]:
                return
        time.sleep(POLL_S)
    raise ChildError(f"no rows in {RECOVERY_DEADLINE_S:.0f} s for {', '.join(ids)}")
