"""The session page: the sessions of a key's accounts, and the report of one, kept fresh."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from infra.settings import Settings
from streams.evidence.cut import read_at_cut
from streams.evidence.metrics.conventions import DEFAULTS
from streams.evidence.query_rows import Row
from streams.evidence.sessions.report_page import report_sections
from streams.evidence.sessions.session_report import find_report
from streams.serve.account_view import AccountView
from streams.serve.api_keys import ApiKey
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.console.kept_answers import KeptAnswers
from streams.serve.service_problem import no_such
from streams.serve.stored_rows import StoredRows

LISTED_S, REPORTED_S = 5.0, 30.0
"""Times for which the list of sessions, and a report, serve all pages."""


class SessionPage:
    """The handlers of the session page."""

    def __init__(self, settings: Settings, guard: ConsoleGuard, rows: StoredRows) -> None:
        self._settings, self._guard, self._rows = settings, guard, rows
        self._lists: KeptAnswers[list[Row]] = KeptAnswers(LISTED_S)
        self._reports: KeptAnswers[str] = KeptAnswers(REPORTED_S)

    def show(self, request: Request, key: ApiKey, account_id: str, session_id: str) -> HTMLResponse:
        """Shows the sessions of an account. Raises ServiceProblem, ClickHouseError."""
        account = self._guard.chosen(key, account_id)
        sessions = self._sessions_of(account)
        chosen = session_id or next((row["session_id"] for row in sessions), "")
        context: dict[str, Any] = {"account": account, "sessions": sessions, "session_id": chosen}
        return self._guard.page(request, key, "session", context)

    def report(self, key: ApiKey, account_id: str, session_id: str) -> HTMLResponse:
        """Shows the report of a session. Raises ServiceProblem, InputError, ClickHouseError."""
        account = self._guard.account_of(key, account_id)
        if session_id not in {row["session_id"] for row in self._sessions_of(account)}:
            raise no_such(f"session {session_id} of account {account_id} in ClickHouse")
        report = self._reports.get(f"{account_id} {session_id}", lambda: self._report(account_id, session_id))
        # The report escapes every text of the records itself.
        return self._guard.part("session_report.html", {"report": Markup(report)})

    def _sessions_of(self, account: AccountView | None) -> list[Row]:
        if account is None:
            return []
        return [row for row in self._lists.get("", self._rows.sessions) if row["account_id"] == account.account_id]

    def _report(self, account_id: str, session_id: str) -> str:
        find = partial(find_report, session_id=session_id, account_id=account_id, conventions=DEFAULTS)
        # A page that refreshes itself leaves no cut behind each time.
        return report_sections(read_at_cut(self._settings, self._settings.run_id, find, noted=False))


def session_routes(page: SessionPage, guard: ConsoleGuard) -> APIRouter:
    """Returns the routes of the session page."""
    routes = APIRouter()
    reading = Depends(guard.key_of)

    @routes.get("/session")
    def show(request: Request, account: str = "", session: str = "", key: ApiKey = reading) -> HTMLResponse:
        return page.show(request, key, account, session)

    @routes.get("/session/report")
    def report(account: str, session: str, key: ApiKey = reading) -> HTMLResponse:
        return page.report(key, account, session)

    return routes
