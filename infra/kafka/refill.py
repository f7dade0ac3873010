"""The configuration under which empty topics take records of a backup with the times that these had."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.errors import TopicError
from infra.kafka.client_config import client_config
from infra.kafka.topics import ADMIN_TIMEOUT_S, BY_NAME, MIB, POLL_S, STAMPS, topic_name
from infra.principal import ADMIN
from infra.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import ConfigResource

OPEN = {STAMPS: "CreateTime", "cleanup.policy": "delete", "max.message.bytes": str(16 * MIB)}
"""Compaction would remove records before they are compared. Clients' records may have been compressed better."""


def open_for_refill(settings: Settings) -> None:
    """Lets all topics keep the clients' times and all records. Raises TopicError."""
    _configure(settings, {topic_name(settings, base): OPEN for base in BY_NAME})


def close_after_refill(settings: Settings) -> None:
    """Gives all topics their declared configuration again. Raises TopicError."""
    declared = {base: topic.config() for base, topic in BY_NAME.items()}
    _configure(
        settings,
        {topic_name(settings, base): {key: config[key] for key in OPEN} for base, config in declared.items()},
    )


def _configure(settings: Settings, wanted: dict[str, dict[str, str]]) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    admin = AdminClient(client_config(settings, ADMIN))
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in config.items()
            ],
        )
        for name, config in wanted.items()
    ]
    try:
        for future in admin.incremental_alter_configs(resources, request_timeout=ADMIN_TIMEOUT_S).values():
            future.result(ADMIN_TIMEOUT_S)
        deadline = time.monotonic() + ADMIN_TIMEOUT_S
        asked = [ConfigResource(ResourceType.TOPIC, name) for name in wanted]
        while not _are_so(admin.describe_configs(asked, request_timeout=ADMIN_TIMEOUT_S), wanted):
            if time.monotonic() > deadline:
                raise TopicError("the topics' configuration was set and is not in force; read kafka's log")
            time.sleep(POLL_S)
    except KafkaException as failure:
        raise TopicError(f"configuring topics for a restore: {failure.args[0].str()}") from failure


def _are_so(described: dict[ConfigResource, Any], wanted: dict[str, dict[str, str]]) -> bool:
    actual = {resource.name: future.result(ADMIN_TIMEOUT_S) for resource, future in described.items()}
    return all(actual[name][key].value == value for name, config in wanted.items() for key, value in config.items())
