"""Limits of the service for each key and each request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

BODY_BYTES_MAX = 64 * 1024
RATE_PER_S, BURST = 200.0, 400.0
BUCKETS = 1_000
"""Keys whose buckets are kept before those that are full again are dropped."""
Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]


class RateLimit:
    """A token bucket for each key: rate_per_s requests a second on average, burst at once."""

    def __init__(self, rate_per_s: float = RATE_PER_S, burst: float = BURST) -> None:
        self._rate_per_s, self._burst = rate_per_s, burst
        self._buckets: dict[str, tuple[float, float]] = {}
        self._swept_at = BUCKETS

    def allows(self, key: str) -> bool:
        """Counts a request. Returns whether it is within the limit."""
        now = time.monotonic()
        tokens, at = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate_per_s)
        self._buckets[key] = (max(tokens - 1, 0.0), now)
        if len(self._buckets) > self._swept_at:
            self._sweep(now)
        return tokens >= 1

    def _sweep(self, now: float) -> None:
        """Drops the buckets that are full again: a key without one has a full one. Wrong keys fill no memory so."""
        kept = {
            key: (tokens, at)
            for key, (tokens, at) in self._buckets.copy().items()
            if tokens + (now - at) * self._rate_per_s < self._burst
        }
        self._buckets, self._swept_at = kept, max(2 * len(kept), BUCKETS)


class BodyLimit:
    """ASGI middleware that reads a body before the application does, and answers 413 to one that is too large."""

    def __init__(self, app: Any, bytes_max: int = BODY_BYTES_MAX) -> None:
        self._app, self._bytes_max = app, bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its whole body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._bytes_max:
                await _answer(send, 413, {"code": 41310000, "message": f"a body has at most {self._bytes_max} bytes"})
                return
        given = False

        async def whole() -> dict[str, Any]:
            nonlocal given
            if given:
                disconnect: dict[str, Any] = await receive()
                return disconnect
            given = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, whole, send)


async def _answer(send: Send, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
