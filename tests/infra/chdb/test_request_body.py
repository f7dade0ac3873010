"""Bodies of requests: too slow, and given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from infra.chdb import request_body
from infra.chdb.callers import callers
from infra.chdb.protocol import QueryError
from infra.chdb.request_body import BodyMemory, read_body

PIPELINE, _ = callers(1 << 20, 1000, 1500)


def test_a_slow_body_times_out_and_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "BODY_S", 0.05)
    memory = BodyMemory(PIPELINE)

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 900
        await asyncio.Event().wait()

    async def handle(request: web.Request) -> web.Response:
        try:
            with memory.share() as share:
                await read_body(request, PIPELINE, share, b"")
        except QueryError as error:
            return web.Response(status=error.http_status, text=str(error))
        return web.Response(text="read")

    async def ask() -> None:
        app = web.Application()
        app.router.add_post("/", handle)
        async with TestClient(TestServer(app)) as client:
            answer = await client.post("/", data=slow())
            assert answer.status == 408
            assert "did not arrive within" in await answer.text()

    asyncio.run(ask())
    memory.hold(1500)


def test_bodies_share_a_bound() -> None:
    memory = BodyMemory(PIPELINE)
    with memory.share() as first, memory.share() as second:
        first.hold(900)
        second.hold(600)
        with pytest.raises(QueryError, match="exceed 1500 bytes together; send again later"):
            second.hold(1)
    memory.hold(1500)
