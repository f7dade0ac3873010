"""A session's events from Kafka alone."""

from collections.abc import Callable, Iterator
from typing import Any

from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from schemas.records.enums import ControlKind
from streams.errors import InputError
from streams.evidence.sessions.session_fold import TOPICS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partitions import partition_of


def kafka_events(
    account_id: str, session_id: str, reader: LogReader, codec: Codec, partitions: Callable[[str], int]
) -> Iterator[Any]:
    """Records that name the session, in the order that fold takes them; those that can't be decoded are left out.

    partitions: number of partitions of a topic. Raises LogUnavailable, RegistryUnavailable.
    """
    for topic in TOPICS:
        for record in reader.read(topic, partition_of(account_id, partitions(topic)), 0):
            message = _decoded(codec, topic, record.value)
            if message is not None and (message.account_id, message.session_id) == (account_id, session_id):
                yield message


def account_of(session_id: str, reader: LogReader, codec: Codec, partitions: Callable[[str], int]) -> str:
    """The account that was asked to open a session of this name. Raises InputError where it is not exactly one."""
    accounts = {
        control.account_id
        for partition in range(partitions("controls"))
        for record in reader.read("controls", partition, 0)
        if (control := _decoded(codec, "controls", record.value)) is not None
        and (control.kind, control.session_id) == (ControlKind.SESSION_OPEN, session_id)
    }
    if len(accounts) != 1:
        named = f"accounts {', '.join(sorted(accounts))} have one; choose with --account" if accounts else "no such one"
        raise InputError(f"session {session_id}: {named}; see `paper session list`")
    return str(accounts.pop())


def _decoded(codec: Codec, topic: str, value: bytes | None) -> Any:
    try:
        return None if value is None else codec.decode(topic, value)
    except UndecodableRecord:
        return None
