"""The conditions of a pipeline that need a person, read from its health."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from streams.operations.health.health import Health


class ConditionKind(StrEnum):
    """A kind of condition. Those of COUNTED happen and do not end."""

    KAFKA = "kafka"
    LAG = "lag"
    PROCESS = "process"
    RESTART = "restart"
    PARKED = "parked"
    QUARANTINE = "quarantine"
    FEED = "feed"
    FEED_GAP = "feed-gap"
    COMPLAINT = "complaint"


COUNTED = frozenset({ConditionKind.RESTART, ConditionKind.QUARANTINE, ConditionKind.FEED_GAP})
"""Conditions whose key has a count, so that the next one is another condition."""


class Condition(NamedTuple):
    """A condition that holds. key: the same for as long as it is the same condition."""

    kind: ConditionKind
    key: str
    text: str


def conditions(health: Health, lag_s: float) -> Iterator[Condition]:
    """Yields the conditions that hold. lag_s: age in seconds from which a waiting record is late."""
    if health.kafka:
        yield Condition(ConditionKind.KAFKA, "", health.kafka)
    late: dict[tuple[str, str], float] = {}
    for lag in health.lag:
        if lag.seconds is not None and lag.seconds >= lag_s:
            late[lag.group, lag.topic] = max(lag.seconds, late.get((lag.group, lag.topic), 0))
    for (group, topic), seconds in late.items():
        yield Condition(ConditionKind.LAG, f"{group} {topic}", f"{group} is {seconds:,.0f} s behind on {topic}")
    yield from _of_processes(health)
    for parked in health.parked:
        yield Condition(ConditionKind.PARKED, parked.shard, f"{parked.shard} is parked: {parked.reason}")
    for journal in health.alarms:
        text = f"{journal.shard} has {journal.alarms} quarantined records that nobody has acknowledged"
        yield Condition(ConditionKind.QUARANTINE, f"{journal.shard} {journal.alarms}", text)
    yield from _of_feeds(health)
    for complaint in health.complaints:
        yield Condition(ConditionKind.COMPLAINT, complaint, complaint)


def _of_processes(health: Health) -> Iterator[Condition]:
    for process in health.processes:
        if process.complaint:
            yield Condition(ConditionKind.PROCESS, process.name, f"{process.name}: {process.complaint}")
        if process.restarts:
            text = f"{process.name} was restarted, {process.restarts} times by now; it ended by {process.last_end}"
            yield Condition(ConditionKind.RESTART, f"{process.name} {process.restarts}", text)


def _of_feeds(health: Health) -> Iterator[Condition]:
    for feed in health.feeds:
        name = f"{feed.health.source} {' '.join(feed.health.symbols)}"
        if feed.complaint:
            yield Condition(ConditionKind.FEED, name, f"feed of {name}: {feed.complaint}")
        if feed.health.gaps:
            text = f"feed of {name}: a gap halted it, {feed.health.gaps} times by now"
            yield Condition(ConditionKind.FEED_GAP, f"{name} {feed.health.gaps}", text)
