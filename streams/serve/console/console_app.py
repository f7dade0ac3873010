"""The application of the console, under /console."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles

from infra.errors import PaperError
from streams.serve.api_keys import ApiKey, ApiKeys
from streams.serve.console.console_guard import ConsoleGuard, GuardHeaders, SignedOut
from streams.serve.console.desk_page import form_of
from streams.serve.console.sign_in import COOKIE, SESSION_S
from streams.serve.http_limits import RateLimit
from streams.serve.record_streams import KINDS, RecordStreams
from streams.serve.service_problem import ServiceProblem

STATIC = Path(__file__).with_name("static")
PULSE_S = {"desk": 0.25, "market": 1.0}
"""Shortest time between two signs of the same change, however many records come. The last change gets its sign too."""
TRIES_PER_S, TRIES = 1.0, 20.0
"""Sign-ins that one address may try."""


def console_app(guard: ConsoleGuard, pages: Sequence[APIRouter], keys: ApiKeys, streams: RecordStreams) -> FastAPI:
    """Returns the application. pages: the routes of its pages."""
    app = FastAPI(title="Paper Trading Streams, console", docs_url=None, redoc_url=None, openapi_url=None)
    reading = Depends(guard.key_of)
    app.mount("/static", StaticFiles(directory=STATIC))
    for routes in pages:
        app.include_router(routes)
    _add_sign_in(app, guard, keys)

    @app.get("/")
    def start() -> Response:
        return RedirectResponse("/console/desk", 303)

    @app.get("/changes")
    async def changes(request: Request, account: str = "", key: ApiKey = reading) -> StreamingResponse:
        return StreamingResponse(_pulses(guard, streams, request, account), media_type="text/event-stream")

    app.add_middleware(GuardHeaders)
    app.add_exception_handler(SignedOut, guard.answer_signed_out)
    app.add_exception_handler(ServiceProblem, guard.answer_problem)
    app.add_exception_handler(PaperError, guard.answer_problem)
    return app


async def _pulses(guard: ConsoleGuard, streams: RecordStreams, request: Request, account_id: str) -> AsyncIterator[str]:
    """Yields the event desk when an account has changed, market when a quote has, each at most once in its PULSE_S."""
    cookie = request.cookies[COOKIE]
    key = guard.key_of(request)

    def still_valid() -> bool:
        return guard.sign_in.key_of(cookie) is not None

    changed: set[str] = set()
    told = dict.fromkeys(PULSE_S, 0.0)
    loop, beat_s, beaten = asyncio.get_running_loop(), min(PULSE_S.values()), 0.0
    async for record in streams.records(key, still_valid, frozenset(KINDS), beat_s):
        if record is not None and record[1].get("account_id", account_id) == account_id:
            changed.add("market" if record[0] == "quote" else "desk")
        if loop.time() - beaten >= beat_s:
            beaten = loop.time()
            due = sorted(name for name in changed if beaten - told[name] >= PULSE_S[name])
            told |= dict.fromkeys(due, beaten)
            yield "".join(f"event: {name}\ndata:\n\n" for name in due) or ": still here\n\n"
            changed.difference_update(due)


def _add_sign_in(app: FastAPI, guard: ConsoleGuard, keys: ApiKeys) -> None:
    tries, form_fields, changing = RateLimit(TRIES_PER_S, TRIES), Depends(form_of), Depends(guard.changing_key)

    @app.get("/sign-in")
    def ask() -> HTMLResponse:
        return guard.part("sign_in.html", {"problem": ""})

    @app.post("/sign-in")
    def sign_in(request: Request, form: dict[str, str] = form_fields) -> Response:
        address = request.client.host if request.client else ""
        if not tries.allows(address):
            return guard.part("sign_in.html", {"problem": "Too many tries; wait a few seconds."}, 429)
        key = keys.checked(form.get("key", "").strip(), form.get("secret", "").strip())
        if key is None:
            return guard.part("sign_in.html", {"problem": "The key or its secret is wrong."}, 401)
        response = RedirectResponse("/console/desk", 303)
        is_tls = request.url.scheme == "https"
        response.set_cookie(
            COOKIE,
            guard.sign_in.cookie(key),
            SESSION_S,
            path="/console",
            secure=is_tls,
            httponly=True,
            samesite="strict",
        )
        return response

    @app.post("/sign-out")
    def sign_out(key: ApiKey = changing) -> Response:
        response = Response(headers={"HX-Redirect": "/console/sign-in"})
        response.delete_cookie(COOKIE, path="/console", httponly=True, samesite="strict")
        return response
