"""The gate page: each strategy's newest decision, its criteria with values against thresholds, and its history."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import GateDecisionKind
from schemas.records.gate_messages import GateDecision
from streams.pipeline.clients.read_topic import read_topic
from streams.serve.api_keys import ApiKey
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.console.kept_answers import KeptAnswers

KEPT_S = 5.0
HISTORY = 50


class GatePage:
    """The handler of the gate page. A trader sees the decisions that hold for its own account."""

    def __init__(self, settings: Settings, codec: Codec, guard: ConsoleGuard) -> None:
        self._settings, self._codec, self._guard = settings, codec, guard
        self._kept: KeptAnswers[list[GateDecision]] = KeptAnswers(KEPT_S)

    def show(self, request: Request, key: ApiKey, account_id: str, strategy_id: str) -> HTMLResponse:
        """Shows the decisions on a strategy. Raises ServiceProblem, TopicError, LogUnavailable."""
        records = [item for item in self._kept.get("", self._read) if key.sees(item.account_id or "")]
        strategies = sorted({item.strategy_id for item in records})
        chosen = strategy_id or next(iter(strategies), "")
        own = [item for item in records if item.strategy_id == chosen]
        decision = newest_decision(own)
        context: dict[str, Any] = {
            "account": self._guard.chosen(key, account_id),
            "strategies": strategies,
            "strategy_id": chosen,
            "decision": decision,
            "criteria": [] if decision is None else json.loads(decision.criteria),
            "history": own[::-1][:HISTORY],
        }
        return self._guard.page(request, key, "gate", context)

    def _read(self) -> list[GateDecision]:
        found: list[GateDecision] = list(read_topic(self._settings, self._codec, "gate.decisions"))
        return sorted(found, key=lambda item: item.ts)


def newest_decision(records: list[GateDecision]) -> GateDecision | None:
    """Returns the newest record that judged criteria. records: of one strategy, oldest first."""
    return next((item for item in reversed(records) if item.kind is GateDecisionKind.EVALUATED), None)


def gate_routes(page: GatePage, guard: ConsoleGuard) -> APIRouter:
    """Returns the route of the gate page."""
    routes = APIRouter()
    reading = Depends(guard.key_of)

    @routes.get("/gate")
    def show(request: Request, account: str = "", strategy: str = "", key: ApiKey = reading) -> HTMLResponse:
        return page.show(request, key, account, strategy)

    return routes
