"""The health page: lag, workers, commits, processes, sources, and dead letters with their reasons and their replay."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from infra.kafka.topics import dead_letter_topic
from infra.settings import Settings
from streams.errors import LogUnavailable
from streams.operations.health.health import Health
from streams.operations.health.health_collector import HealthCollector
from streams.pipeline.dlq.letters import TOPICS
from streams.pipeline.dlq.send_again import ReplayedLetters, cursors, replay_all
from streams.serve.api_keys import ApiKey, KeyRole
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.console.desk_page import demand_reason, form_of
from streams.serve.console.kept_answers import KeptAnswers
from streams.serve.service_problem import broken_rule, not_reached
from streams.serve.stored_rows import StoredRows
from streams.serve.v1.own_routes import demand_operator

log = logging.getLogger(__name__)

KEPT_S = 4.0
"""Time for which what was collected serves all pages: it takes Kafka some requests for each partition."""
LETTERS, LEFT_SHOWN = 100, 5


class GroupLag(NamedTuple):
    """A consumer group's lag on a topic. records: that wait; seconds: age of the oldest, None if it is not known."""

    group: str
    topic: str
    partitions: int
    records: int
    seconds: float | None


class ShownLetters(NamedTuple):
    """The kinds of dead letters. waiting: letters to send again, by topic; None if their number is not known."""

    rows: Sequence[dict[str, Any]] = ()
    waiting: Sequence[tuple[str, int]] | None = ()


class HealthPage:
    """The handlers of the health page."""

    def __init__(self, settings: Settings, guard: ConsoleGuard, rows: StoredRows) -> None:
        self._settings, self._guard, self._rows = settings, guard, rows
        self._collector = HealthCollector(settings)
        self._kept: KeptAnswers[Health] = KeptAnswers(KEPT_S)
        self._kept_letters: KeptAnswers[ShownLetters] = KeptAnswers(KEPT_S)

    def show(self, request: Request, key: ApiKey, account_id: str) -> HTMLResponse:
        """Shows the health. Raises ServiceProblem."""
        return self._guard.page(
            request, key, "health", self._whose(key) | {"account": self._guard.chosen(key, account_id)}
        )

    def live(self, key: ApiKey) -> HTMLResponse:
        """Shows what changes by itself. A trader sees no dead letters, which may be of others. Raises PaperError."""
        health = self._kept.get("health", self._collector.collect)
        sees_letters = key.role is not KeyRole.TRADER
        letters = self._kept_letters.get("letters", lambda: self._letters(health)) if sees_letters else ShownLetters()
        context = self._whose(key) | {
            "health": health,
            "lag": lag_by_topic(health),
            "runs": any(health.members.values()),
            "members": sorted(health.members.items()),
            "sees_letters": sees_letters,
            "letters": letters.rows,
            "waiting": letters.waiting,
        }
        return self._guard.part("health_live.html", context)

    def replay(self, key: ApiKey, form: Mapping[str, str]) -> HTMLResponse:
        """Sends the dead letters of a topic again that were not sent before. Raises ServiceProblem, PaperError."""
        demand_operator(key, "sends dead letters again")
        reason, topic = demand_reason(form), form.get("topic", "")
        if topic not in TOPICS:
            raise broken_rule(f"topic {topic!r} has no dead letters; give one of {', '.join(TOPICS)}")
        try:
            done = replay_all(self._settings, topic)
        except KafkaException as error:
            said = f"Kafka did not let the service: {error.args[0].str()}; use `paper dlq replay {topic}`"
            raise not_reached(said) from error
        log.warning("dead letters of %s: %s sent %d again: %s", topic, key.account_id, done.sent, reason)
        return self._guard.part("message.html", _said(topic, done))

    def _letters(self, health: Health) -> ShownLetters:
        boxes = {topic: dead_letter_topic(topic) for topic in TOPICS}
        try:
            until = None if health.kafka else cursors(self._settings, TOPICS)
        except LogUnavailable as error:
            log.warning("cursors of the dead letters: %s", error)
            until = None
        rows = self._rows.dead_letters({boxes[topic]: offset for topic, offset in (until or {}).items()}, LETTERS)
        waiting: Counter[str] = Counter()
        for row in rows:
            waiting[row["topic"]] += row["waiting"]
        found = [(topic, waiting[box]) for topic, box in boxes.items() if waiting[box]]
        return ShownLetters(rows, None if until is None else found)

    def _whose(self, key: ApiKey) -> dict[str, Any]:
        return {"replays": key.role is KeyRole.OPERATOR}


def _said(topic: str, done: ReplayedLetters) -> dict[str, str]:
    left = "".join(f"; letter {letter.offset} was not sent: {letter.obstacle}" for letter in done.left[:LEFT_SHOWN])
    more = f"; {len(done.left) - LEFT_SHOWN} more were not sent" if len(done.left) > LEFT_SHOWN else ""
    text = f"{done.sent} record(s) sent back to {topic}{left}{more}"
    return {"kind": "warn" if done.left else "good", "title": "Replay", "text": text}


def lag_by_topic(health: Health) -> list[GroupLag]:
    """Returns the lag of each group on each topic, those with waiting records first."""
    found: dict[tuple[str, str], list[Any]] = {}
    for item in health.lag:
        found.setdefault((item.group, item.topic), []).append(item)
    rows = [
        GroupLag(
            group,
            topic,
            len(items),
            sum(item.records for item in items),
            max((item.seconds for item in items if item.seconds is not None), default=None),
        )
        for (group, topic), items in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.records, row.group, row.topic))


def health_routes(page: HealthPage, guard: ConsoleGuard) -> APIRouter:
    """Returns the routes of the health page."""
    routes = APIRouter()
    reading, changing, form_fields = Depends(guard.key_of), Depends(guard.changing_key), Depends(form_of)

    @routes.get("/health")
    def show(request: Request, account: str = "", key: ApiKey = reading) -> HTMLResponse:
        return page.show(request, key, account)

    @routes.get("/health/live")
    def live(key: ApiKey = reading) -> HTMLResponse:
        return page.live(key)

    @routes.post("/health/replay")
    def replay(key: ApiKey = changing, form: dict[str, str] = form_fields) -> HTMLResponse:
        return page.replay(key, form)

    return routes
