"""The drill of a cluster: its brokers are killed one at a time under load, each restarted before the next."""

import random
import time
from dataclasses import dataclass, field
from itertools import pairwise

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra import processes
from infra.errors import StackError
from infra.kafka.client_config import client_config
from infra.kafka.replication import REPLICAS_MIN
from infra.kafka.topics import partition_count
from infra.principal import ADMIN
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.kafka_cluster import ClusterBroker, local_brokers
from schemas.avro.codec import Codec
from schemas.records.numbers import NANOS_PER_S
from schemas.registry import Registry
from streams.errors import ChildError
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.tools.chaos.drill import ChaosResult, Progress, prove
from streams.tools.chaos.order_load import OrderLoad
from streams.tools.chaos.victims import POLL_S, RECOVERY_DEADLINE_S, Victim, recovery_s
from streams.tools.demo.namespace import fresh_namespace, remove_runs
from streams.tools.demo.pipeline_children import running_pipeline

NAME = "drill"
CALM_S = 1.0
"""Time of load without faults before the first kill and after each return."""
PROBE_S = 5.0


@dataclass(slots=True)
class BrokerDrillResult(ChaosResult):
    """The findings of a drill of brokers, with those of ChaosResult. recoveries_s: by broker.

    Attributes:
        returns_s: seconds from each kill until all copies were in sync again.
        longest_pause_s: longest time in which a partition of order results got no record while orders came.
    """

    returns_s: list[float] = field(default_factory=list)
    longest_pause_s: float = 0.0


def cluster_brokers(settings: Settings) -> list[ClusterBroker]:
    """Returns the brokers of the running cluster that `paper up --brokers 3` has started.

    Raises:
        StackError: there is none on this machine, or a broker does not run.
    """
    brokers = [item for item in local_brokers(settings) if isinstance(item, ClusterBroker)]
    if len(brokers) < REPLICAS_MIN:
        raise StackError(
            f"{settings.paper_home} has no cluster of {REPLICAS_MIN} brokers, and a drill kills no broker that is "
            "alone or elsewhere; run `paper up --brokers 3` in a new PAPER_HOME first"
        )
    dead = [broker.name for broker in brokers if _pid(settings, broker) is None]
    if dead:
        raise StackError(f"{', '.join(dead)}: not running, so the next loss would stop the cluster; run `paper up`")
    return brokers


def drill_brokers(settings: Settings, kills: int, seed: int, workers: int, on_progress: Progress) -> BrokerDrillResult:
    """Kills brokers of the local cluster while a pipeline of the drill's own trades on it, then proves the record.

    The pipeline has topics and rows of its own, which are removed at the end.

    Raises:
        StackError: no cluster of this machine runs.
        ChildError: a broker did not come back, or orders got no results.
    """
    brokers = cluster_brokers(settings)
    draw, result = random.Random(seed), BrokerDrillResult()
    own = fresh_namespace(settings.model_copy(update={"mock_trading": False}), NAME, on_progress)
    try:
        with running_pipeline(own, workers, on_progress) as children:
            codec = Codec(Registry(own))
            with OrderLoad(own, codec, seed) as load:
                time.sleep(CALM_S)
                for number in range(1, kills + 1):
                    broker = draw.choice(brokers)
                    recovered_s, returned_s = _lose_and_return(own, codec, broker, load)
                    children.demand_alive()
                    result.recoveries_s.setdefault(broker.name, []).append(recovered_s)
                    result.returns_s.append(returned_s)
                    on_progress(
                        f"kill {number} of {kills}: {broker.name}, orders had results after {recovered_s:.1f} s, all "
                        f"copies were in sync after {returned_s:.1f} s"
                    )
                    time.sleep(CALM_S)
                load.stop()
            on_progress(f"{len(load.sent)} orders sent; waiting for their results")
            prove(own, codec, load.sent, result, on_progress)
            result.longest_pause_s = _longest_pause_s(own)
    finally:
        remove_runs(settings, NAME)
    return result


def _lose_and_return(settings: Settings, codec: Codec, broker: ClusterBroker, load: OrderLoad) -> tuple[float, float]:
    """Kills a broker, and starts it again once orders have results without it. Returns the seconds of both."""
    pid = _pid(settings, broker)
    if pid is None:
        raise ChildError(f"{broker.name}: not running, although the drill has not killed it")
    process, killed_s = psutil.Process(pid), time.monotonic()
    process.kill()
    process.wait(RECOVERY_DEADLINE_S)
    recovered_s = recovery_s(settings, codec, Victim.KAFKA, killed_s, load.send_probes)
    while not (_restarted(settings, broker) and _all_in_sync(settings)):
        if time.monotonic() - killed_s > RECOVERY_DEADLINE_S:
            raise ChildError(
                f"{broker.name}: its copies were not in sync {RECOVERY_DEADLINE_S:.0f} s after its loss; see "
                f"{local_stack.log_file(settings, broker)}"
            )
        time.sleep(POLL_S)
    return recovered_s, time.monotonic() - killed_s


def _restarted(settings: Settings, broker: ClusterBroker) -> bool:
    """Starts a broker unless it runs: a supervisor may have done it. Returns whether it answers."""
    local_stack.start_again(settings, broker)
    return broker.is_ready(settings)


def _all_in_sync(settings: Settings) -> bool:
    try:
        topics = AdminClient(client_config(settings, ADMIN)).list_topics(timeout=PROBE_S).topics.values()
    except KafkaException:
        return False
    return all(len(item.isrs) == len(item.replicas) for topic in topics for item in topic.partitions.values())


def _pid(settings: Settings, broker: ClusterBroker) -> int | None:
    identity = processes.read_pid_file(local_stack.pid_file(settings, broker))
    return identity.pid if identity is not None and processes.find(identity) is not None else None


def _longest_pause_s(settings: Settings) -> float:
    reader, topic = KafkaLogReader(settings), "order.results"
    longest = 0
    for partition in range(partition_count(settings, topic)):
        times = sorted(record.timestamp_ns for record in reader.read(topic, partition, 0))
        longest = max([longest, *(later - earlier for earlier, later in pairwise(times))])
    return longest / NANOS_PER_S
