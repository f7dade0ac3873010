"""The guard of every page of the console: its session, its headers, and the answer to errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from streams.serve.account_view import AccountView
from streams.serve.api_keys import ApiKey, KeyRole
from streams.serve.console.page_text import environment
from streams.serve.console.sign_in import COOKIE, SignIn
from streams.serve.desk_view import DeskView
from streams.serve.http_limits import Receive, Scope, Send
from streams.serve.service_problem import ServiceProblem, no_such, not_allowed, not_reached

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGES = (
    ("desk", "Desk"),
    ("market", "Market"),
    ("session", "Session"),
    ("gate", "Gate"),
    ("replays", "Replays"),
    ("health", "Health"),
)
OF_ALL_ACCOUNTS = frozenset({"replays"})
"""Pages that a trader's key does not see."""


class SignedOut(Exception):
    """A page was asked for without a session."""


class GuardHeaders:
    """ASGI middleware that adds the headers to each answer, streams included."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""

        async def with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, with_headers)


class ConsoleGuard:
    """Checks sessions and renders pages."""

    def __init__(self, view: DeskView, sign_in: SignIn) -> None:
        self.view, self.sign_in = view, sign_in
        self._templates = environment()

    def key_of(self, request: Request) -> ApiKey:
        """Returns the key of a request's session. Raises SignedOut."""
        key = self.sign_in.key_of(request.cookies.get(COOKIE, ""))
        if key is None:
            raise SignedOut
        if self.view.failure is not None:
            raise not_reached(f"the topics can't be read: {self.view.failure}")
        return key

    def changing_key(self, request: Request) -> ApiKey:
        """Returns the key of a request that changes something, which brings its token. Raises ServiceProblem."""
        key = self.key_of(request)
        if not self.sign_in.is_token(request.cookies[COOKIE], request.headers.get("X-CSRF-Token", "")):
            raise not_allowed("the request has no valid token of its session; load the page again")
        return key

    def accounts_of(self, key: ApiKey) -> list[AccountView]:
        """Returns the accounts that a key sees, by id. A trader's own is there before its session."""
        found = sorted(list(self.view.accounts.values()), key=lambda item: item.account_id)
        seen = [item for item in found if key.sees(item.account_id)]
        return seen or ([self.view.account(key.account_id)] if key.role is KeyRole.TRADER else [])

    def account_of(self, key: ApiKey, account_id: str) -> AccountView:
        """Returns an account that a key sees. Raises ServiceProblem."""
        for account in self.accounts_of(key):
            if account.account_id == account_id:
                return account
        raise no_such(f"account {account_id} for this key")

    def chosen(self, key: ApiKey, account_id: str) -> AccountView | None:
        """Returns the account that a page is about: the named one, else the first; None if there is none."""
        if account_id:
            return self.account_of(key, account_id)
        accounts = self.accounts_of(key)
        return accounts[0] if accounts else None

    def page(self, request: Request, key: ApiKey, name: str, context: Mapping[str, Any]) -> HTMLResponse:
        """Returns a whole page."""
        common = {
            "key": key,
            "page": name,
            "pages": [item for item in PAGES if key.role is not KeyRole.TRADER or item[0] not in OF_ALL_ACCOUNTS],
            "accounts": self.accounts_of(key),
            "token": self.sign_in.token(request.cookies[COOKIE]),
        }
        return self.part(f"{name}.html", common | dict(context))

    def part(self, template: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """Returns a part of a page, or a page that has no session."""
        return HTMLResponse(self._templates.get_template(template).render(**context), status)

    def answer_signed_out(self, request: Request, _: Exception) -> Response:
        """Sends a reader to the sign-in; a part of a page tells htmx to do so."""
        if request.headers.get("HX-Request"):
            return Response(status_code=401, headers={"HX-Redirect": "/console/sign-in"})
        return RedirectResponse("/console/sign-in", 303)

    def answer_problem(self, request: Request, error: Exception) -> Response:
        """Shows a problem: as a message in the page, or as a page."""
        problem = error if isinstance(error, ServiceProblem) else not_reached(str(error))
        if request.headers.get("HX-Request"):
            return self.part("message.html", {"kind": "bad", "title": problem.title, "text": problem.detail})
        return self.part("problem.html", {"problem": problem}, problem.status)
