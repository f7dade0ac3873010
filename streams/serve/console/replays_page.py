"""The replays page: runs side by side with their equity curves overlaid, and sweeps as heat maps."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from infra.settings import Settings
from schemas.records.numbers import NANOS_PER_S
from streams.serve.api_keys import ApiKey, KeyRole
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.console.sweep_map import sweep_maps
from streams.serve.service_problem import not_allowed
from streams.serve.stored_rows import StoredRows

RUNS = 200
END_NS = 2**63 - 1
"""Later than every record."""


class ReplaysPage:
    """The handlers of the replays page. A replay has all accounts, so traders do not see it."""

    def __init__(self, settings: Settings, guard: ConsoleGuard, rows: StoredRows) -> None:
        self._run_id, self._guard, self._rows = settings.run_id, guard, rows

    def show(self, request: Request, key: ApiKey, account_id: str, runs: list[str]) -> HTMLResponse:
        """Shows the runs. Raises ServiceProblem, ClickHouseError."""
        _demand_reader_of_all(key)
        found = self._rows.runs(RUNS)
        results = {
            row["run_id"]: row for row in self._rows.run_results([self._run_id, *(run["run_id"] for run in found)])
        }
        chosen = runs or [self._run_id, *(run["run_id"] for run in found[:1])]
        context: dict[str, Any] = {
            "account": self._guard.chosen(key, account_id),
            "live": self._run_id,
            "runs": found,
            "results": results,
            "chosen": chosen,
            "maps": sweep_maps(found, {run_id: row["result"] for run_id, row in results.items()}),
        }
        return self._guard.page(request, key, "replays", context)

    def curves(self, key: ApiKey, account_id: str, runs: list[str]) -> list[dict[str, Any]]:
        """Returns the equity of an account in each of some runs. Raises ServiceProblem, ClickHouseError."""
        _demand_reader_of_all(key)
        self._guard.account_of(key, account_id)
        return [{"name": run_id, "points": self._points(account_id, run_id)} for run_id in runs]

    def _points(self, account_id: str, run_id: str) -> list[dict[str, Any]]:
        rows = self._rows.equity(account_id, 1, NANOS_PER_S, END_NS, run_id)
        return [{"time": row["start_s"], "value": float(row["equity"])} for row in rows]


def _demand_reader_of_all(key: ApiKey) -> None:
    if key.role is KeyRole.TRADER:
        raise not_allowed("a replay has all accounts; `paper access key NAME --role reader` makes a key that sees them")


def replays_routes(page: ReplaysPage, guard: ConsoleGuard) -> APIRouter:
    """Returns the routes of the replays page."""
    routes = APIRouter()
    reading = Depends(guard.key_of)

    @routes.get("/replays")
    def show(request: Request, account: str = "", key: ApiKey = reading) -> HTMLResponse:
        return page.show(request, key, account, request.query_params.getlist("run"))

    @routes.get("/replays/curves")
    def curves(request: Request, account: str, key: ApiKey = reading) -> list[dict[str, Any]]:
        return page.curves(key, account, request.query_params.getlist("run"))

    return routes
