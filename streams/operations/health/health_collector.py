"""Collects the health of a pipeline from Kafka, the supervisor's state file and the error files."""

from aiokafka.errors import KafkaError

from infra.errors import SettingsError, TopicError
from infra.kafka.topics import BY_NAME
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable
from schemas.registry import Registry
from streams.operations.health.health import Health
from streams.operations.health.kafka_health import KafkaHealth, KafkaHealthReader
from streams.operations.health.last_error import last_error
from streams.operations.health.supervisor_state import read_children
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.sink.sink import group_id as sink_group
from streams.pipeline.worker.faust_app import group_id as worker_group


class HealthCollector:
    """A collector that may be asked repeatedly and keeps its clients."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        inputs = [topic for kind in KINDS for topic in kind.inputs]
        groups = {worker_group(settings): inputs, sink_group(settings): list(BY_NAME)}
        self._reader = KafkaHealthReader(settings, Codec(Registry(settings)), groups)

    def collect(self) -> Health:
        """Returns the health at this moment, within seconds. Health.kafka has the reason if Kafka can't be read."""
        problem, kafka = "", KafkaHealth([], [], {}, [])
        try:
            kafka = self._reader.read()
        except (TopicError, RegistryUnavailable, SettingsError) as error:
            problem = str(error)
        except (KafkaError, TimeoutError) as error:
            problem = f"Kafka does not answer: {error or type(error).__name__}"
        processes = read_children(self._settings)
        return Health(
            problem, kafka.lag, kafka.owners, kafka.members, kafka.snapshots, processes, last_error(self._settings)
        )
