"""The offsets that consumer groups have committed on a pipeline's topics: read, and committed again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Annotated, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from confluent_kafka import Consumer, KafkaException, TopicPartition
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from infra.kafka.client_config import aiokafka_options, brief_client_config
from infra.kafka.group_members import group_members
from infra.kafka.topics import BY_NAME, topic_name
from infra.settings import Settings
from streams.errors import BackupError, LogUnavailable

REQUEST_TIMEOUT_MS = 30_000
COORDINATOR_S = 60.0
RETRY_PAUSE_S = 0.2
T = TypeVar("T")


class GroupOffset(BaseModel):
    """The next offset of a partition that a group reads. topic: base name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    group: str = Field(min_length=1, max_length=1_000)
    topic: str
    partition: Annotated[int, Field(ge=0, lt=2**31)]
    offset: Annotated[int, Field(ge=0, lt=2**63)]


OFFSETS = TypeAdapter(list[GroupOffset])


def read_offsets(settings: Settings) -> list[GroupOffset]:
    """Returns the offsets of all groups on the pipeline's topics. Raises LogUnavailable."""
    return asyncio.run(_with_admin(settings, _offsets))


def demand_no_members(settings: Settings, groups: Sequence[str], what: str) -> None:
    """Demands that nobody is a member of a group. Raises BackupError and LogUnavailable."""

    async def members(_: Settings, admin: AIOKafkaAdminClient) -> list[str]:
        return [member.name for group in groups for member in await group_members(admin, group)]

    if names := asyncio.run(_with_admin(settings, members)):
        raise BackupError(
            f"still at work: {', '.join(names)}; stop workers and sink (`paper down`), start the servers (`paper up`), "
            f"and {what}"
        )


def commit_offsets(settings: Settings, offsets: Sequence[GroupOffset]) -> None:
    """Commits offsets for groups without members. Raises LogUnavailable."""
    for group in sorted({item.group for item in offsets}):
        places = [
            TopicPartition(topic_name(settings, item.topic), item.partition, item.offset)
            for item in offsets
            if item.group == group
        ]
        consumer = Consumer(brief_client_config(settings) | {"group.id": group, "enable.auto.commit": False})
        try:
            consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as failure:
            raise LogUnavailable(f"offsets of group {group}: {failure.args[0].str()}") from failure
        finally:
            consumer.close()


async def _with_admin(settings: Settings, ask: Callable[[Settings, AIOKafkaAdminClient], Awaitable[T]]) -> T:
    admin = AIOKafkaAdminClient(**aiokafka_options(settings), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        return await _until_answered(lambda: ask(settings, admin))
    except KafkaError as error:
        raise LogUnavailable(f"consumer groups: {error}") from error
    finally:
        await admin.close()


async def _until_answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Asks again while no coordinator serves the groups: a new cluster makes their topic at the first question."""
    deadline = monotonic() + COORDINATOR_S
    while True:
        try:
            return await ask()
        except KafkaError as error:
            if not error.retriable or monotonic() > deadline:
                raise
            await asyncio.sleep(RETRY_PAUSE_S)


async def _offsets(settings: Settings, admin: AIOKafkaAdminClient) -> list[GroupOffset]:
    bases = {topic_name(settings, base): base for base in BY_NAME}
    found = []
    for group in sorted(name for name, *_ in await admin.list_consumer_groups()):
        for place, meta in (await admin.list_consumer_group_offsets(group)).items():
            if place.topic in bases and meta.offset >= 0:
                topic, partition = bases[place.topic], place.partition
                found.append(GroupOffset(group=group, topic=topic, partition=partition, offset=meta.offset))
    return sorted(found, key=lambda item: (item.group, item.topic, item.partition))
