"""Waiting for what a running pipeline says, with an end to patience."""

import time
from collections.abc import Collection, Iterator

from schemas.records.messages import Journal
from streams.errors import NoAnswer
from streams.pipeline.clients.follow import Followed, Follower

SILENCE_S = 120.0
POLL_S = 0.005


def until_silent(follower: Follower) -> Iterator[Followed]:
    """What comes, for as long as something does; what its user does in between is not silence.

    Who leaves it leaves what was fetched with it. Raises NoAnswer after SILENCE_S without anything.
    """
    heard = time.monotonic()
    while time.monotonic() - heard < SILENCE_S:
        for item in follower.poll(POLL_S):
            yield item
            heard = time.monotonic()
    raise NoAnswer(f"nothing came for {SILENCE_S:.0f} s; see the worker's log")


def taken(journal: Journal, topics: Collection[str]) -> int:
    """How many records of these topics a shard's transaction took."""
    return sum(count for topic, count in zip(journal.topics, journal.counts, strict=True) if topic in topics)
