"""The drill: load, kills, and the proof from the record that nothing was lost or duplicated."""

import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import psutil

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.messages import OrderResult
from schemas.registry import Registry
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.verify import verify
from streams.operations.health.supervisor_state import read_children
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.reference.load_config import core_config
from streams.tools.chaos.order_load import OrderLoad
from streams.tools.chaos.temporary_stack import temporary_stack
from streams.tools.chaos.victims import Victim, kill, recovery_s, schedule

CALM_S = (1.0, 4.0)
"""Shortest and longest time without faults before and after a kill."""
DRAIN_DEADLINE_S = 120.0
POLL_S = 0.5

Progress = Callable[[str], None]


@dataclass(slots=True)
class ChaosResult:
    """The findings of a drill.

    Attributes:
        orders: orders sent.
        fills: fills on their topic.
        lost: orders without a result.
        duplicated: surplus terminal results and surplus fills.
        transactions: transactions that were verified.
        recoveries_s: seconds of each recovery, by victim.
        differences: findings of verify and reconcile, one sentence each.
        rss_mb_start: resident memory of all workers and the sink before the first kill, megabytes.
        rss_mb_end: the same after the last kill.
    """

    orders: int = 0
    fills: int = 0
    lost: int = 0
    duplicated: int = 0
    transactions: int = 0
    recoveries_s: dict[str, list[float]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    rss_mb_start: float = 0.0
    rss_mb_end: float = 0.0

    @property
    def kills(self) -> int:
        """Number of processes killed."""
        return len(self.all_recoveries_s)

    @property
    def all_recoveries_s(self) -> list[float]:
        """Seconds of each recovery."""
        return [seconds for found in self.recoveries_s.values() for seconds in found]

    @property
    def passed(self) -> bool:
        """True if nothing was lost or duplicated and nothing differs."""
        return not (self.lost or self.duplicated or self.differences)

    @property
    def median_s(self) -> float:
        """Median recovery time; 0 without kills."""
        return statistics.median(self.all_recoveries_s or [0.0])

    @property
    def worst_s(self) -> float:
        """Longest recovery time; 0 without kills."""
        return max(self.all_recoveries_s, default=0.0)


def run_chaos(settings: Settings, kills: int, seed: int, workers: int, on_progress: Progress) -> ChaosResult:
    """Kills processes of a temporary stack under load, then proves the record.

    Raises:
        ChildError: a process did not start again, or did not recover.
        StackError: the stack can't be started.
    """
    draw, result = random.Random(seed), ChaosResult()
    with temporary_stack(settings, workers, on_progress) as own:
        codec = Codec(Registry(own))
        with OrderLoad(own, codec, seed) as load:
            _calm(draw)
            result.rss_mb_start = _rss_mb(own)
            for number, victim in enumerate(schedule(draw, kills), 1):
                seconds = _kill_and_recover(own, codec, victim, load, draw)
                result.recoveries_s.setdefault(victim, []).append(seconds)
                on_progress(f"kill {number} of {kills}: {victim}, works again after {seconds:.1f} s")
                _calm(draw)
            load.stop()
            result.rss_mb_end = _rss_mb(own)
            on_progress(f"{len(load.sent)} orders sent; waiting for their results")
            prove(own, codec, load.sent, result, on_progress)
    return result


def _calm(draw: random.Random) -> None:
    """Waits for a random time in which the load runs without faults."""
    time.sleep(draw.uniform(*CALM_S))


def _kill_and_recover(settings: Settings, codec: Codec, victim: Victim, load: OrderLoad, draw: random.Random) -> float:
    killed_s = time.monotonic()
    kill(settings, victim, draw)
    return recovery_s(settings, codec, victim, killed_s, load.send_probes)


def prove(settings: Settings, codec: Codec, sent: list[str], result: ChaosResult, on_progress: Progress) -> None:
    """Completes a result by what the record says about the orders sent."""
    results = _all_results(settings, codec, sent)
    terminal = Counter((item.account_id, item.order_id) for item in results if item.terminal)
    answered = {item.order_id for item in results}
    fills = Counter(item.exec_id for item in read_topic(settings, codec, "fills"))
    result.orders, result.fills = len(sent), fills.total()
    result.lost = len(set(sent) - answered)
    result.duplicated = _surplus(terminal.values()) + _surplus(fills.values())
    verified = verify(core_config(settings), KafkaLogReader(settings), codec, on_progress)
    result.transactions = verified.transactions
    report = reconcile(settings, on_progress)
    result.differences = verified.differences + [item for check in report.checks for item in check.differences]


def _all_results(settings: Settings, codec: Codec, sent: Iterable[str]) -> list[OrderResult]:
    """Returns all results once each order has one and no more arrive, or those there are after DRAIN_DEADLINE_S."""
    waiting, results = set(sent), list[OrderResult]()
    deadline = time.monotonic() + DRAIN_DEADLINE_S
    with Follower(settings, codec, ["order.results"], from_start=True) as follower:
        arriving = True
        while (waiting or arriving) and time.monotonic() < deadline:
            found = [item.message for item in follower.poll(POLL_S)]
            arriving = bool(found)
            results += found
            waiting.difference_update(item.order_id for item in found)
    return results


def _surplus(counts: Iterable[int]) -> int:
    return sum(count - 1 for count in counts)


def _rss_mb(settings: Settings) -> float:
    pids = [child.pid for child in read_children(settings) if child.pid and psutil.pid_exists(child.pid)]
    return sum(psutil.Process(pid).memory_info().rss for pid in pids) / 1e6
