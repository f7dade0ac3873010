"""The order page: an order as it stands, and its story as a timeline."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from streams.evidence.order_story import steps, summaries
from streams.serve.api_keys import ApiKey
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.service_problem import no_such
from streams.serve.stored_rows import StoredRows


class OrderPage:
    """The handlers of the order page."""

    def __init__(self, guard: ConsoleGuard, rows: StoredRows) -> None:
        self._guard, self._rows = guard, rows

    def show(self, request: Request, key: ApiKey, account_id: str, order_id: str) -> HTMLResponse:
        """Shows an order. Raises ServiceProblem, ClickHouseError."""
        return self._guard.page(request, key, "order", self._context(key, account_id, order_id))

    def live(self, key: ApiKey, account_id: str, order_id: str) -> HTMLResponse:
        """Shows what changes by itself. Raises ServiceProblem, ClickHouseError."""
        return self._guard.part("order_live.html", self._context(key, account_id, order_id))

    def _context(self, key: ApiKey, account_id: str, order_id: str) -> dict[str, Any]:
        account = self._guard.account_of(key, account_id)
        order = account.orders.get(order_id)
        if order is None:
            raise no_such(f"order {order_id} of account {account_id}")
        rows = self._rows.order_history(account_id, order_id)
        return {"account": account, "order": order, "steps": steps(rows), "summaries": list(summaries(rows))}


def order_routes(page: OrderPage, guard: ConsoleGuard) -> APIRouter:
    """Returns the routes of the order page."""
    routes = APIRouter()
    reading = Depends(guard.key_of)

    @routes.get("/order")
    def show(request: Request, account: str, order: str, key: ApiKey = reading) -> HTMLResponse:
        return page.show(request, key, account, order)

    @routes.get("/order/live")
    def live(account: str, order: str, key: ApiKey = reading) -> HTMLResponse:
        return page.live(key, account, order)

    return routes
