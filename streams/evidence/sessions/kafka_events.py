"""Reads a session's events from Kafka."""

from collections.abc import Callable, Iterator
from typing import Any

from schemas.avro.codec import Codec
from schemas.records.enums import ControlKind
from streams.errors import InputError
from streams.evidence.decode_or_none import decode_or_none
from streams.evidence.sessions.session_fold import TOPICS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partitions import partition_of


def kafka_events(
    account_id: str, session_id: str, reader: LogReader, codec: Codec, partitions: Callable[[str], int]
) -> Iterator[Any]:
    """Yields the session's records in the order of fold_session. Records that can't be decoded are left out.

    partitions: returns the number of partitions of a topic. Raises LogUnavailable, RegistryUnavailable.
    """
    for topic in TOPICS:
        for record in reader.read(topic, partition_of(account_id, partitions(topic)), 0):
            message = decode_or_none(codec, topic, record.value)
            if message is not None and (message.account_id, message.session_id) == (account_id, session_id):
                yield message


def account_of_session(session_id: str, reader: LogReader, codec: Codec, partitions: Callable[[str], int]) -> str:
    """Returns the account that was asked to open the session. Raises InputError if there is none, or several."""
    accounts = {
        control.account_id
        for partition in range(partitions("controls"))
        for record in reader.read("controls", partition, 0)
        if (control := decode_or_none(codec, "controls", record.value)) is not None
        and (control.kind, control.session_id) == (ControlKind.SESSION_OPEN, session_id)
    }
    if len(accounts) != 1:
        named = (
            f"accounts {', '.join(sorted(accounts))} have one; choose with --account"
            if accounts
            else "it was never opened"
        )
        raise InputError(f"session {session_id}: {named}; see `paper session list`")
    return str(accounts.pop())
