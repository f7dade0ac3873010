"""The supervisor's loop: tends its children, watches their progress, serves their metrics."""

import logging
import os
import threading
import time
from collections import defaultdict

import psutil

from infra import processes
from infra.membership import host_name
from infra.settings import Settings
from streams.operations.health.health import Health
from streams.operations.health.health_collector import HealthCollector
from streams.operations.health.prometheus_metrics import MetricsServer
from streams.operations.health.supervisor_state import SupervisorState, remove_state, write_state
from streams.operations.supervisor.supervised_process import Child
from streams.operations.supervisor.watchdog import Observation, Watchdog
from streams.pipeline.worker.faust_app import group_id

TICK_S = 0.1
OBSERVE_S = 2.0
STOP_PATIENCE_S = 12.0

log = logging.getLogger(__name__)


class Supervisor:
    """Workers and a sink, until it is stopped."""

    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings = settings
        self._identity = processes.Identity(os.getpid(), psutil.Process().create_time())
        self._stop = threading.Event()
        self._health: Health | None = None
        self._watchdog = Watchdog(settings.watchdog_s)
        # The children hold the reading end: it comes to its end with this process, however that goes.
        reading, self._pipe = os.pipe()
        self._worker_ids = {
            f"worker-{number}": f"{host_name()}-supervised-{number}" for number in range(1, workers + 1)
        }
        self._children = [
            *(self._child(name, ["worker"], reading, WORKER_ID=id) for name, id in self._worker_ids.items()),
            self._child("sink", ["sink"], reading),
        ]

    def _child(self, name: str, command: list[str], pipe: int, **variables: str) -> Child:
        environment = self._settings.as_environment() | variables
        return Child(name, command, environment, self._settings.paper_home / "logs" / f"{name}.log", pipe)

    def stop(self) -> None:
        """Asks it to end its children and leave. Any thread or signal handler may call it."""
        self._stop.set()

    def run(self) -> None:
        """Works until stopped."""
        observer = threading.Thread(target=self._observe, name="observer", daemon=True)
        with MetricsServer(self._settings.metrics_port, lambda: self._health):
            observer.start()
            try:
                while not self._stop.wait(TICK_S):
                    # A list, not a generator: every child is tended.
                    if any([child.tend() for child in self._children]):
                        self._write_state()
            finally:
                self._end_children()
                remove_state(self._settings)

    def _write_state(self) -> None:
        write_state(self._settings, SupervisorState(self._identity, [child.state for child in self._children]))

    def _end_children(self) -> None:
        """Workers first: what they commit last, the sink may still land."""
        *workers, sink = self._children
        deadline = time.monotonic() + STOP_PATIENCE_S
        for group in (workers, [sink]):
            for child in group:
                child.ask_to_end()
            for child in group:
                child.await_end(deadline)

    def _observe(self) -> None:
        collector = HealthCollector(self._settings)
        while not self._stop.wait(OBSERVE_S):
            health = self._health = collector.collect()
            if health.kafka:
                log.warning("%s", health.kafka)
                self._watchdog.forget()
                continue
            born = {self._worker_ids[child.name]: child.born for child in self._children[:-1] if child.lives}
            condemned = self._watchdog.observe(observation(health, group_id(self._settings), time.monotonic()), born)
            for child in self._children[:-1]:
                if self._worker_ids[child.name] in condemned:
                    child.kill(condemned[self._worker_ids[child.name]])


def observation(health: Health, group: str, now: float) -> Observation:
    """What the watchdog needs of a pipeline's health."""
    lag = {(item.topic, item.partition): item for item in health.lag if item.group == group}
    positions: dict[str, int] = defaultdict(int, dict.fromkeys(health.members.get(group, []), 0))
    lagging = set()
    for owner in health.owners:
        place = lag.get((owner.topic, owner.partition))
        if owner.group == group and place is not None:
            positions[owner.member] += place.position
            if place.records:
                lagging.add(owner.member)
    return Observation(now, positions, frozenset(lagging))
