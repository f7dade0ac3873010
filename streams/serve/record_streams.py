"""The records of accounts as Server-Sent Events (WHATWG HTML, 9.2): each connection sees what its key may see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from schemas.records.enums import MarkKind
from schemas.records.messages import AccountEquity, Fill, Mark, OrderResult, PositionReport, RiskEvent
from streams.serve.api_keys import ApiKey
from streams.serve.desk_view import DeskView
from streams.serve.v1 import own_json

WAITING_MAX = 10_000
"""Records that wait for a slow client, before its connection is closed."""
HEARTBEAT_S = 15.0
KINDS = ("order", "fill", "position", "equity", "risk", "quote")


class RecordStreams:
    """The open streams."""

    def __init__(self, view: DeskView) -> None:
        self._view = view
        self._open: dict[asyncio.Queue[tuple[str, Any]], tuple[ApiKey, asyncio.AbstractEventLoop]] = {}
        view.watchers.append(self._on_record)

    async def events(self, key: ApiKey, still_valid: Callable[[], bool], kinds: frozenset[str]) -> AsyncIterator[str]:
        """Yields the events of a stream until the client is too slow, or its key is revoked."""
        async for record in self.records(key, still_valid, kinds):
            yield ": still here\n\n" if record is None else f"event: {record[0]}\ndata: {json.dumps(record[1])}\n\n"

    async def records(
        self, key: ApiKey, still_valid: Callable[[], bool], kinds: frozenset[str], quiet_s: float = HEARTBEAT_S
    ) -> AsyncIterator[tuple[str, dict[str, Any]] | None]:
        """Yields the kind and the document of each record; None after quiet_s without one."""
        queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(WAITING_MAX)
        self._open[queue] = (key, asyncio.get_running_loop())
        try:
            yield None
            while not queue.full() and still_valid():
                try:
                    kind, record = await asyncio.wait_for(queue.get(), quiet_s)
                except TimeoutError:
                    yield None
                    continue
                if kind in kinds:
                    yield kind, self._document(record)
        finally:
            self._open.pop(queue, None)

    def _on_record(self, record: Any) -> None:
        """Queues a record for each stream that may see it. Runs in the thread of the view."""
        kind = _kind(record)
        if kind is None:
            return
        for queue, (key, loop) in self._open.copy().items():
            if (isinstance(record, Mark) or key.sees(record.account_id)) and not loop.is_closed():
                loop.call_soon_threadsafe(_queue, queue, (kind, record))

    def _document(self, record: Any) -> dict[str, Any]:
        if isinstance(record, OrderResult):
            order = self._view.account(record.account_id).orders.get(record.order_id)
            event = {"exec_type": record.exec_type.value, "text": record.text, "request_id": record.request_id}
            return event | ({} if order is None else own_json.order_v1(order))
        if isinstance(record, PositionReport):
            return own_json.position_v1(record, self._view.values.of(record))
        if isinstance(record, Fill):
            return own_json.fill_v1(record)
        if isinstance(record, AccountEquity):
            return own_json.equity_v1(record)
        return own_json.quote_v1(record) if isinstance(record, Mark) else own_json.event_v1(record)


def _kind(record: Any) -> str | None:
    if isinstance(record, Mark):
        return "quote" if record.kind is MarkKind.QUOTE else None
    kinds: dict[type, str] = {
        OrderResult: "order",
        Fill: "fill",
        PositionReport: "position",
        AccountEquity: "equity",
        RiskEvent: "risk",
    }
    return kinds.get(type(record))


def _queue(queue: asyncio.Queue[tuple[str, Any]], item: tuple[str, Any]) -> None:
    if not queue.full():
        queue.put_nowait(item)
