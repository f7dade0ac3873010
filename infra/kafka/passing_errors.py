"""Errors of Kafka that pass by themselves: brokers restart, leaders move, connections break.

librdkafka goes on fetching and connects again after each of them. But it hands them to a consumer like all others,
without a mark: `KafkaError.retriable()` is set by the transactional producer alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError

PASSING: Mapping[int, str] = {
    # Of the client itself.
    KafkaError._TRANSPORT: "the connection broke, and the client makes another",
    KafkaError._ALL_BROKERS_DOWN: "there is no connection at present, and the client tries all brokers again",
    KafkaError._RESOLVE: "the name of a broker's host was not found this time",
    KafkaError._TIMED_OUT: "a broker did not answer in time",
    KafkaError._TIMED_OUT_QUEUE: "a request waited too long for its connection",
    KafkaError._DESTROY_BROKER: "the client dropped a broker that left the cluster, and asks another",
    KafkaError._UNKNOWN_BROKER: "the client does not know the new leader's address yet",
    KafkaError._NODE_UPDATE: "the client learned another address of a broker",
    KafkaError._WAIT_CACHE: "the client waits for the cluster's metadata",
    KafkaError._WAIT_COORD: "the client waits for the group's coordinator",
    KafkaError._RETRY: "the client repeats the request",
    # Of a broker.
    KafkaError.BROKER_NOT_AVAILABLE: "a broker starts or stops",
    KafkaError.NETWORK_EXCEPTION: "a broker closed the connection before it answered",
    KafkaError.REQUEST_TIMED_OUT: "a broker waited in vain for another broker",
    KafkaError.LEADER_NOT_AVAILABLE: "the partition's new leader is being elected",
    KafkaError.NOT_LEADER_FOR_PARTITION: "the partition has another leader, of which the client learns next",
    KafkaError.REPLICA_NOT_AVAILABLE: "the replica is being made",
    KafkaError.FENCED_LEADER_EPOCH: "the client knows an older leader, and learns of the new one",
    KafkaError.UNKNOWN_LEADER_EPOCH: "the broker does not know the newest leader yet",
    KafkaError.OFFSET_NOT_AVAILABLE: "a new leader does not know the partition's end yet",
    KafkaError.KAFKA_STORAGE_ERROR: "the broker's disk failed, and another broker becomes the leader",
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS: "the group's new coordinator reads the group's state",
    KafkaError.COORDINATOR_NOT_AVAILABLE: "the group's new coordinator is being found",
    KafkaError.NOT_COORDINATOR: "the group has another coordinator, of which the client learns next",
    KafkaError.UNSTABLE_OFFSET_COMMIT: "offsets of an open transaction are being committed",
    KafkaError.THROTTLING_QUOTA_EXCEEDED: "the client is over its quota, and waits",
    KafkaError.REBOOTSTRAP_REQUIRED: "the client asks the bootstrap servers for the cluster's brokers again",
}
"""The reason why each error passes, by its code."""
NOT_KNOWN_YET = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC)
"""Codes for a topic that has just been created or was deleted: who waits for the topic needs a limit."""


def passes(error: KafkaError) -> bool:
    """Returns whether an error passes by itself, so that a reader goes on."""
    return not error.fatal() and (error.code() in PASSING or error.retriable())
