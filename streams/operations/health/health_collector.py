"""Collects the health of a pipeline from Kafka, the supervisor's state file and the error files."""

from aiokafka.errors import KafkaError

from infra.errors import SettingsError, TopicError
from infra.kafka.topics import BY_NAME
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable
from schemas.registry import Registry
from streams.operations.health.feed_file import feed_reports
from streams.operations.health.health import Health, Observed
from streams.operations.health.kafka_health import KafkaHealth, KafkaHealthReader
from streams.operations.health.last_error import last_error
from streams.operations.health.observer import STALE_S
from streams.operations.health.parked_file import parked_shards
from streams.operations.health.supervisor_state import read_state
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.sink.sink import group_id as sink_group
from streams.pipeline.worker.worker_group import group_id as worker_group


class HealthCollector:
    """A collector that may be asked repeatedly and keeps its clients."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        inputs = [topic for kind in KINDS for topic in kind.inputs]
        groups = {worker_group(settings): inputs, sink_group(settings): list(BY_NAME)}
        self._reader = KafkaHealthReader(settings, Codec(Registry(settings)), groups)

    def collect(self) -> Health:
        """Returns the health at this moment, within seconds. Health.kafka has the reason if Kafka can't be read."""
        problem, kafka = "", KafkaHealth([], [], {}, [], [])
        try:
            kafka = self._reader.read()
        except (TopicError, RegistryUnavailable, SettingsError) as error:
            problem = str(error)
        except (KafkaError, TimeoutError) as error:
            problem = f"Kafka does not answer: {error or type(error).__name__}"
        state = read_state(self._settings)
        return Health(
            problem,
            kafka.lag,
            kafka.owners,
            kafka.members,
            kafka.snapshots,
            state.children + state.servers if state else [],
            last_error(self._settings),
            kafka.complaints + (_complaints(state.observed) if state else []),
            journals=kafka.journals,
            parked=parked_shards(self._settings),
            feeds=feed_reports(self._settings),
        )


def _complaints(observed: Observed) -> list[str]:
    if observed.age_s < STALE_S:
        return []
    return [
        f"the supervisor has not seen the pipeline for {observed.age_s:.0f} s, so it watches no worker and /metrics is "
        f"not current; its log says why{f' ({observed.error})' if observed.error else ''}"
    ]
