"""Compares the numbers of partitions that topics have with those that the settings declare."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.errors import TopicError
from infra.kafka.client_config import client_config
from infra.kafka.topics import BY_NAME, partition_difference, topic_name
from infra.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import ClusterMetadata

ASK_S = 5.0

log = logging.getLogger(__name__)


def check_partitions(settings: Settings) -> None:
    """Compares all topics that the principal may see, in one metadata request.

    Ignores a broker that does not answer: the client that is used next waits for it, or reports it.

    Raises:
        TopicError: a topic has another number of partitions.
    """
    found = _metadata(settings)
    if found is not None:
        _compare(settings, found)


def await_checked_partitions(settings: Settings, pause: Callable[[float], None] = time.sleep) -> str:
    """Waits for the broker, demands all topics, compares them, and returns the id of the cluster.

    pause: waits for a number of seconds; may raise to give up.

    Raises:
        TopicError: a topic is missing, or has another number of partitions.
    """
    while (found := _metadata(settings)) is None:
        log.warning("waiting for Kafka at %s", settings.kafka_bootstrap_servers)
        pause(ASK_S)
    missing = [name for name in (topic_name(settings, base) for base in BY_NAME) if name not in found.topics]
    if missing:
        raise TopicError(f"topics are missing, {min(missing)} among them; `paper up` or `paper prepare` makes them")
    _compare(settings, found)
    return str(found.cluster_id)


def _metadata(settings: Settings) -> ClusterMetadata | None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        return AdminClient(client_config(settings) | {"log_level": 0}).list_topics(timeout=ASK_S)
    except KafkaException:
        return None


def _compare(settings: Settings, found: ClusterMetadata) -> None:
    bases = {topic_name(settings, base): base for base in BY_NAME}
    differences = [
        partition_difference(settings, bases[name], len(topic.partitions))
        for name, topic in found.topics.items()
        if name in bases and topic.partitions
    ]
    if wrong := [sentence for sentence in differences if sentence]:
        raise TopicError("\n  ".join(["topics differ from the settings:", *wrong]))
