"""Waits for the records of a running pipeline, up to a time limit."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator

from schemas.records.messages import Journal
from streams.errors import NoAnswer
from streams.pipeline.clients.follow import FollowedRecord, Follower

SILENCE_S = 120.0
"""Time without any record after which a measurement gives up."""
POLL_S = 0.005


def until_silent(follower: Follower) -> Iterator[FollowedRecord]:
    """Yields records as they arrive. Time that the caller takes between two records does not count as silence.

    A caller that stops iterating loses the rest of the records that were fetched together.

    Raises:
        NoAnswer: no record arrived for SILENCE_S.
    """
    heard = time.monotonic()
    while time.monotonic() - heard < SILENCE_S:
        for item in follower.poll(POLL_S):
            yield item
            heard = time.monotonic()
    raise NoAnswer(f"no record arrived for {SILENCE_S:.0f} s; see the worker's log")


def await_count(records: Iterable[FollowedRecord], count: int, weight: Callable[[FollowedRecord], int]) -> None:
    """Reads records of until_silent until their weights add up to count."""
    for item in records:
        count -= weight(item)
        if count <= 0:
            return


def journaled_records(journal: Journal, topics: Collection[str]) -> int:
    """Returns how many input records of these topics a shard's transaction took."""
    return sum(count for topic, count in zip(journal.topics, journal.counts, strict=True) if topic in topics)
