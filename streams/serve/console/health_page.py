"""The health page: lag, workers, commits, processes, sources, and dead letters with their reasons."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from infra.settings import Settings
from streams.operations.health.health import Health
from streams.operations.health.health_collector import HealthCollector
from streams.serve.api_keys import ApiKey, KeyRole
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.console.kept_answers import KeptAnswers
from streams.serve.stored_rows import StoredRows

KEPT_S = 4.0
"""Time for which what was collected serves all pages: it takes Kafka some requests for each partition."""
LETTERS = 100


class GroupLag(NamedTuple):
    """A consumer group's lag on a topic. records: that wait; seconds: age of the oldest, None if it is not known."""

    group: str
    topic: str
    partitions: int
    records: int
    seconds: float | None


class HealthPage:
    """The handlers of the health page."""

    def __init__(self, settings: Settings, guard: ConsoleGuard, rows: StoredRows) -> None:
        self._guard, self._rows = guard, rows
        self._collector = HealthCollector(settings)
        self._kept: KeptAnswers[Health] = KeptAnswers(KEPT_S)

    def show(self, request: Request, key: ApiKey, account_id: str) -> HTMLResponse:
        """Shows the health. Raises ServiceProblem."""
        return self._guard.page(request, key, "health", {"account": self._guard.chosen(key, account_id)})

    def live(self, key: ApiKey) -> HTMLResponse:
        """Shows what changes by itself. A trader sees no dead letters, which may be of others. Raises PaperError."""
        health = self._kept.get("health", self._collector.collect)
        sees_letters = key.role is not KeyRole.TRADER
        context = {
            "health": health,
            "lag": lag_by_topic(health),
            "runs": any(health.members.values()),
            "members": sorted(health.members.items()),
            "sees_letters": sees_letters,
            "letters": self._rows.dead_letters(LETTERS) if sees_letters else [],
        }
        return self._guard.part("health_live.html", context)


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
    reading = Depends(guard.key_of)

    @routes.get("/health")
    def show(request: Request, account: str = "", key: ApiKey = reading) -> HTMLResponse:
        return page.show(request, key, account)

    @routes.get("/health/live")
    def live(key: ApiKey = reading) -> HTMLResponse:
        return page.live(key)

    return routes
