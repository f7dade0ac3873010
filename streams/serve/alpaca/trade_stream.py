"""The WebSocket of Alpaca's trade updates: each connection sees the results of its own account."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from schemas.records.enums import ExecType
from schemas.records.messages import Fill, OrderResult
from streams.serve.alpaca.order_ids import uuid_of
from streams.serve.alpaca.order_json import moment, number, order_json
from streams.serve.api_keys import ApiKeys
from streams.serve.desk_view import DeskView
from streams.serve.order_state import OrderState

EVENTS = {
    ExecType.NEW: "new",
    ExecType.PARTIAL_FILL: "partial_fill",
    ExecType.FILL: "fill",
    ExecType.CANCELED: "canceled",
    ExecType.REPLACED: "replaced",
    ExecType.REJECTED: "rejected",
    ExecType.EXPIRED: "expired",
}
QUEUED_MAX = 10_000
"""Updates that wait for a slow client, before its connection is closed."""
POLICY_VIOLATION, TOO_SLOW = 1008, 1013


class TradeStreams:
    """The open connections."""

    def __init__(self, view: DeskView, keys: ApiKeys) -> None:
        self._view, self._keys = view, keys
        self._queues: dict[asyncio.Queue[dict[str, Any]], tuple[str, asyncio.AbstractEventLoop]] = {}
        view.listeners.append(self._on_result)

    async def serve(self, socket: WebSocket) -> None:
        """Serves a connection until it ends."""
        await socket.accept()
        try:
            account_id = await self._authenticated(socket)
            if account_id is None:
                await socket.close(POLICY_VIOLATION)
                return
            await self._stream(socket, account_id)
        except (WebSocketDisconnect, json.JSONDecodeError, KeyError, TypeError, AttributeError):
            await _close(socket, POLICY_VIOLATION)

    async def _authenticated(self, socket: WebSocket) -> str | None:
        """Returns the account of the key that the client sends first; None if it is wrong."""
        message = await _received(socket)
        data = message.get("data") or {}
        key = str(data.get("key_id") or message.get("key") or "")
        secret = str(data.get("secret_key") or message.get("secret") or "")
        account_id = self._keys.account_of(key, secret)
        status = "unauthorized" if account_id is None else "authorized"
        await _send(socket, {"stream": "authorization", "data": {"status": status, "action": "authenticate"}})
        return account_id

    async def _stream(self, socket: WebSocket, account_id: str) -> None:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(QUEUED_MAX)
        reader = asyncio.create_task(self._read(socket, queue, account_id))
        try:
            while True:
                taken = asyncio.create_task(queue.get())
                done, _ = await asyncio.wait({taken, reader}, return_when=asyncio.FIRST_COMPLETED)
                if reader in done:
                    taken.cancel()
                    reader.result()
                    return
                await _send(socket, taken.result())
                if queue.full():
                    await socket.close(TOO_SLOW)
                    return
        finally:
            self._queues.pop(queue, None)
            reader.cancel()

    async def _read(self, socket: WebSocket, queue: asyncio.Queue[dict[str, Any]], account_id: str) -> None:
        while True:
            message = await _received(socket)
            if message.get("action") != "listen":
                continue
            wanted = [name for name in message["data"]["streams"] if name == "trade_updates"]
            if wanted:
                self._queues[queue] = (account_id, asyncio.get_running_loop())
            else:
                self._queues.pop(queue, None)
            await queue.put({"stream": "listening", "data": {"streams": wanted}})

    def _on_result(self, result: OrderResult, order: OrderState, fill: Fill | None) -> None:
        """Queues an update for each connection of the account. Runs in the thread of the view."""
        if result.exec_type not in EVENTS or result.poss_resend:
            return
        listening = [
            (queue, loop) for queue, (account, loop) in self._queues.copy().items() if account == result.account_id
        ]
        if listening:
            update = {"stream": "trade_updates", "data": self._update(result, order, fill)}
            for queue, loop in listening:
                loop.call_soon_threadsafe(_put, queue, update)

    def _update(self, result: OrderResult, order: OrderState, fill: Fill | None) -> dict[str, Any]:
        account = self._view.account(result.account_id)
        update: dict[str, Any] = {
            "event": EVENTS[result.exec_type],
            "timestamp": moment(result.ts),
            "order": order_json(account, order, nested=False),
        }
        if fill is not None:
            update |= {
                "execution_id": str(uuid_of("execution", fill.exec_id)),
                "price": number(fill.price),
                "qty": number(fill.quantity),
                "position_qty": number(fill.position_qty),
            }
        return update


def _put(queue: asyncio.Queue[dict[str, Any]], update: dict[str, Any]) -> None:
    if not queue.full():
        queue.put_nowait(update)


async def _received(socket: WebSocket) -> dict[str, Any]:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    document: dict[str, Any] = json.loads(message.get("text") or message.get("bytes") or b"{}")
    return document


async def _send(socket: WebSocket, document: dict[str, Any]) -> None:
    # Alpaca's own server sends binary frames.
    await socket.send_bytes(json.dumps(document).encode())


async def _close(socket: WebSocket, code: int) -> None:
    if socket.client_state.name == "CONNECTED":
        await socket.close(code)
