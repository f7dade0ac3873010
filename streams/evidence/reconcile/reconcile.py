"""Reconciles a pipeline: reads Kafka once, waits for the sink, asks ClickHouse."""

from collections.abc import Callable
from contextlib import closing
from functools import partial

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError
from confluent_kafka import Consumer, TopicPartition

from infra.clickhouse.client import connect
from infra.errors import ClickHouseError
from infra.kafka.client_config import brief_client_config
from infra.kafka.partition_check import check_partitions
from infra.kafka.topics import BY_NAME, DLQ_PREFIX, partition_count, topic_name
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.core.core_config import CoreConfig
from streams.errors import NothingCompared
from streams.evidence.reconcile.at_rest import await_rest, demand_rest
from streams.evidence.reconcile.clickhouse_checks import clickhouse_checks
from streams.evidence.reconcile.fact_reader import FactReader
from streams.evidence.reconcile.facts import Facts
from streams.evidence.reconcile.kafka_checks import kafka_checks
from streams.evidence.reconcile.order_checks import order_counts
from streams.evidence.reconcile.reconciliation import Check, Reconciliation
from streams.evidence.reconcile.row_checks import newest_positions, rows_are_records
from streams.pipeline.journal.kafka_log import KafkaLogReader, watermarks
from streams.pipeline.journal.partition_ends import partition_ends
from streams.pipeline.reference.load_config import core_config

WAIT_S = 60.0


def reconcile(
    settings: Settings, on_progress: Callable[[str], None] = lambda _: None, wait_s: float = WAIT_S
) -> Reconciliation:
    """Runs every check from both sources over the records that the topics hold now.

    The pipeline must be at rest. Inputs that no worker has taken yet count as on their way, not as lost. wait_s:
    seconds to wait for the sink to land the records.

    Raises:
        LogUnavailable, RegistryUnavailable, ClickHouseError: a source does not answer.
        TopicError: the partitions of a topic differ from the settings.
        NotAtRest: records are written meanwhile. Dead letters of the sink may be, once the topics are read.
        NothingCompared: the topics hold nothing that a check compares.
    """
    check_partitions(settings)
    config = core_config(settings)
    reader, partitions = KafkaLogReader(settings), partial(partition_count, settings)
    look = partial(partition_ends, reader, BY_NAME, partitions)
    on_progress("waiting until the pipeline is at rest")
    ends = await_rest(look)
    facts = FactReader(config, partitions, reader, Codec(Registry(settings))).read(on_progress)
    demand_rest(ends, look())
    checks = kafka_checks(facts, config)
    with closing(connect(settings)) as client:
        try:
            checks += _from_clickhouse(settings, config, client, facts, on_progress, wait_s)
        except DriverError as error:
            host, port = settings.clickhouse_host_port
            raise ClickHouseError(f"asking ClickHouse at {host}:{port}: {error}") from error
    demand_rest(ends, {place: end for place, end in look().items() if not place[0].startswith(DLQ_PREFIX)})
    report = Reconciliation(checks, order_counts(facts), dict(facts.dead_letters))
    if report.passed and not any(check.checked for check in checks):
        raise NothingCompared(
            f"nothing was compared: neither the topics with prefix {settings.topic_prefix!r} nor the rows of run "
            f"{settings.run_id!r} hold a record"
        )
    return report


def _from_clickhouse(
    settings: Settings,
    config: CoreConfig,
    client: Client,
    facts: Facts,
    on_progress: Callable[[str], None],
    wait_s: float,
) -> list[Check]:
    on_progress("comparing rows, waiting for the sink if it is behind")
    rows = rows_are_records(client, settings.run_id, facts, partial(_end_of, settings), wait_s)
    on_progress("asking ClickHouse")
    checks = clickhouse_checks(client, settings.run_id, config)
    return [*checks, newest_positions(client, settings.run_id, facts), rows]


def _end_of(settings: Settings, topic: str, partition: int) -> int:
    consumer = Consumer(brief_client_config(settings) | {"group.id": f"{settings.topic_prefix}reconcile"})
    try:
        return watermarks(consumer, TopicPartition(topic_name(settings, topic), partition))[1]
    finally:
        consumer.close()
