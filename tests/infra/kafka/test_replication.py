"""Settings that lose records with a broker are refused by their names."""

from __future__ import annotations

import pytest

from infra.errors import TopicError
from infra.kafka.replication import Copies, copies
from infra.kafka.topics import BY_NAME
from infra.settings import Settings


def settings(replicas: int, in_sync: int) -> Settings:
    return Settings(_env_file=None, replication_factor=replicas, min_insync_replicas=in_sync)


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync", "expected"),
    [
        (1, 0, 0, Copies(1, 1)),
        (3, 0, 0, Copies(3, 2)),
        (6, 0, 0, Copies(3, 2)),
        (6, 5, 0, Copies(5, 2)),
        (6, 5, 3, Copies(5, 3)),
    ],
)
def test_the_cluster_decides_unless_settings_do(brokers: int, replicas: int, in_sync: int, expected: Copies) -> None:
    assert copies(settings(replicas, in_sync), brokers) == expected


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync", "refusal"),
    [
        (1, 3, 0, "REPLICATION_FACTOR=3: the cluster has 1 brokers"),
        (2, 0, 0, r"REPLICATION_FACTOR=0 \(that is 3\): the cluster has 2 brokers"),
        (3, 1, 0, "REPLICATION_FACTOR=1: a cluster would lose records with a broker; set it to 3"),
        (3, 2, 0, "REPLICATION_FACTOR=2: a cluster would lose records"),
        (3, 3, 1, "MIN_INSYNC_REPLICAS=1: an acknowledged record may be on one broker only"),
        (3, 3, 3, "MIN_INSYNC_REPLICAS=3: of 3 copies, the loss of one would stop all writing"),
        (1, 1, 2, "MIN_INSYNC_REPLICAS=2: of 1 copies"),
    ],
)
def test_settings_that_lose_records_are_refused(brokers: int, replicas: int, in_sync: int, refusal: str) -> None:
    with pytest.raises(TopicError, match=f"^{refusal}"):
        copies(settings(replicas, in_sync), brokers)


def test_no_topic_leaves_its_retention_to_the_cluster() -> None:
    for topic in BY_NAME.values():
        config = topic.config()
        assert (config["retention.ms"], config["retention.bytes"]) == ("-1", "-1"), topic.name
        assert config["message.timestamp.type"] == "LogAppendTime", topic.name
