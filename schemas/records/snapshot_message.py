"""The record of a shard's state, field by field as in schemas/avsc/snapshots.accounts.avsc."""

from collections.abc import Sequence
from typing import NamedTuple


class Snapshot(NamedTuple):
    """State of a shard after a journal record, or a chunk of it."""

    shard: str
    sequence: int
    journal_offset: int
    chunk: int
    chunks: int
    topics: Sequence[str]
    positions: Sequence[int]
    topic_ids: Sequence[str]
    config: str
    state: bytes
    state_sha256: str
    code_version: str
    ts: int
    alarms: int = 0
    faults_in_a_row: int = 0
