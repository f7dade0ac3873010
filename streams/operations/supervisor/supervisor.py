"""The supervisor's loop: it restarts its processes, watches their progress and serves their metrics."""

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Mapping

from infra import processes
from infra.log_lines import rotate_running
from infra.membership import host_name
from infra.settings import Settings
from streams.operations.health.health import Health
from streams.operations.health.health_collector import HealthCollector
from streams.operations.health.observer import Observer
from streams.operations.health.pipeline_metrics import pipeline_metrics
from streams.operations.health.supervisor_state import remove_state, write_state
from streams.operations.supervisor.server_keeper import ServerKeeper
from streams.operations.supervisor.supervised_process import SupervisedProcess
from streams.operations.supervisor.watchdog import Observation, Watchdog
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.worker.takeover_sign import last_sign
from streams.pipeline.worker.worker_group import group_id

TEND_INTERVAL_S = 0.1
OBSERVE_INTERVAL_S = 2.0
STATE_INTERVAL_S = 1.0
STOP_PATIENCE_S = 12.0
"""Time in which all processes must end before they are killed."""

log = logging.getLogger(__name__)


class Supervisor:
    """Workers, a sink and this machine's servers, which are kept running until stop(). Servers outlive it."""

    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings = settings
        self._identity = processes.identity_of(os.getpid())
        self._stop = threading.Event()
        self._collector = HealthCollector(settings)
        self._observer = Observer(self._look)
        self._logs = settings.paper_home / "logs"
        self._servers = ServerKeeper(settings)
        self._watchdog = Watchdog(settings.watchdog_s)
        # The children hold the reading end, which reaches end of file when this process ends, even by SIGKILL.
        reading, self._pipe = os.pipe()
        self._worker_ids = {
            f"worker-{number}": f"{host_name()}-supervised-{number}" for number in range(1, workers + 1)
        }
        self._workers = [
            self._process(name, ["worker"], reading, WORKER_ID=worker_id)
            for name, worker_id in self._worker_ids.items()
        ]
        self._sink = self._process("sink", ["sink"], reading)
        self._all = [*self._workers, self._sink]

    def _process(self, name: str, command: list[str], pipe: int, **variables: str) -> SupervisedProcess:
        environment = self._settings.as_environment() | variables
        log_file = self._settings.paper_home / "logs" / f"{name}.log"
        return SupervisedProcess(name, command, environment, log_file, pipe)

    def stop(self) -> None:
        """Makes run() end the processes and return. Any thread or signal handler may call it."""
        self._stop.set()

    def run(self) -> None:
        """Supervises until stop() is called."""
        observing = threading.Thread(target=self._observe, name="observer", daemon=True)
        keeping = threading.Thread(target=self._keep_servers, name="servers")
        written = 0.0
        with pipeline_metrics(self._settings, self._observer):
            observing.start()
            keeping.start()
            try:
                while not self._stop.wait(TEND_INTERVAL_S):
                    # A list, not a generator: any() must not skip a process.
                    changed = any([process.tend() for process in self._all])
                    if changed or time.monotonic() - written >= STATE_INTERVAL_S:
                        self._write_state()
                        self._rotate_logs()
                        written = time.monotonic()
            finally:
                self._stop.set()
                self._end_all()
                # A server that is being started gets its pid file, by which `paper down` finds it.
                keeping.join()
                remove_state(self._settings)

    def _write_state(self) -> None:
        children = [process.health for process in self._all]
        write_state(self._settings, self._identity, children, self._servers.health, self._observer.observed)

    def _rotate_logs(self) -> None:
        for file in self._logs.glob("*.log"):
            try:
                rotated = rotate_running(file, processes.LOG_KEPT_BYTES)
            except OSError as error:  # A full disk stops no process.
                log.warning("%s could not be rotated: %s", file, error)
            else:
                if rotated:
                    log.info("%s was large; it went on in an empty file, and the old one is beside it", file)

    def _keep_servers(self) -> None:
        while not self._stop.wait(TEND_INTERVAL_S):
            self._servers.tend()

    def _end_all(self) -> None:
        """Ends the workers first, so that the sink can still land their last records."""
        deadline = time.monotonic() + STOP_PATIENCE_S
        for group in (self._workers, [self._sink]):
            for process in group:
                process.terminate()
            for process in group:
                process.await_end(deadline)

    def _observe(self) -> None:
        while not self._stop.wait(OBSERVE_INTERVAL_S):
            if self._observer.observe() is None:
                self._watchdog.forget()

    def _look(self) -> Health:
        """Returns the pipeline's health, and kills the workers that make no progress."""
        health = self._collector.collect()
        if health.kafka:
            log.warning("%s", health.kafka)
            self._watchdog.forget()
            return health
        started = {self._worker_ids[worker.name]: worker.started for worker in self._workers if worker.lives}
        signs = {worker: last_sign(self._settings, worker) for worker in started}
        takeovers = {worker: sign for worker, sign in signs.items() if sign is not None}
        seen = observation(health, group_id(self._settings), time.monotonic(), takeovers)
        reasons = self._watchdog.observe(seen, started)
        for worker in self._workers:
            reason = reasons.get(self._worker_ids[worker.name])
            if reason is not None:
                worker.kill(reason)
        return health


def observation(health: Health, group: str, now_s: float, takeovers: Mapping[str, int]) -> Observation:
    """Returns the watchdog's view of a consumer group at now_s (monotonic clock). takeovers: as in Observation."""
    lag = {(item.topic, item.partition): item for item in health.lag if item.group == group}
    positions: dict[str, int] = defaultdict(int, dict.fromkeys(health.members.get(group, []), 0))
    lagging = set()
    kinds = {topic: kind for kind in KINDS for topic in kind.inputs}
    parked = {item.shard for item in health.parked}
    for owner in health.owners:
        partition_lag = lag.get((owner.topic, owner.partition))
        if owner.group == group and partition_lag is not None:
            positions[owner.member] += partition_lag.position
            # A restart does not help a parked shard, and stops the others of its worker.
            if partition_lag.records and kinds[owner.topic].shard_name(owner.partition) not in parked:
                lagging.add(owner.member)
    return Observation(now_s, positions, frozenset(lagging), takeovers)
