"""The desk: an account with its equity, positions, orders and fills, the ticket, and the stops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from schemas.records.numbers import NANOS_PER_DAY, NANOS_PER_S, money_to_decimal
from streams.core.core_config import CoreConfig
from streams.serve.account_view import AccountView
from streams.serve.api_keys import ApiKey, KeyRole
from streams.serve.console.breaker_floors import BreakerFloors
from streams.serve.console.console_guard import ConsoleGuard
from streams.serve.console.ticket_form import CLASSES, TIMES, TYPES, USED_BY, ticket_orders
from streams.serve.control_desk import ControlDesk
from streams.serve.order_desk import OrderDesk, is_refused
from streams.serve.order_state import OrderState
from streams.serve.service_problem import broken_rule, not_allowed
from streams.serve.v1.own_routes import demand_killer, demand_operator

TAPE, EVENTS, WORKING = 50, 20, 200
CURVE_POINTS_MAX = 2_000


class DeskPage:
    """The handlers of the desk."""

    def __init__(
        self,
        config: CoreConfig,
        guard: ConsoleGuard,
        orders: OrderDesk,
        controls: ControlDesk,
        floors: BreakerFloors,
    ) -> None:
        self._config, self._guard, self._orders, self._controls = config, guard, orders, controls
        self._floors = floors

    def show(self, request: Request, key: ApiKey, account_id: str) -> HTMLResponse:
        """Shows the desk of an account."""
        account = self._guard.chosen(key, account_id)
        return self._guard.page(request, key, "desk", self._context(key, account))

    def live(self, key: ApiKey, account_id: str) -> HTMLResponse:
        """Shows what changes by itself."""
        account = self._guard.account_of(key, account_id)
        return self._guard.part("desk_live.html", self._context(key, account) | {"is_part": True})

    def breakers(self, key: ApiKey, account_id: str) -> HTMLResponse:
        """Shows the breakers of an account with their floors. Raises RecoveryError, TopicError."""
        account = self._guard.account_of(key, account_id)
        rows = self._floors.rows(account_id)
        currency = "" if account.equity is None else account.equity.currency
        return self._guard.part("breakers.html", {"account": account, "breakers": rows, "currency": currency})

    def curve(self, key: ApiKey, account_id: str) -> list[dict[str, Any]]:
        """Returns the equity over time, one point a second of the account's clock, thinned to what a chart shows."""
        equities = self._guard.account_of(key, account_id).equities.after(0, 1_000_000)
        # A session that was opened for now has the time 0 until its market speaks.
        timed = [item for _, item in equities if item.ts >= NANOS_PER_DAY]
        by_second = {item.ts // NANOS_PER_S: float(money_to_decimal(item.equity)) for item in timed}
        points = [{"time": second, "value": value} for second, value in sorted(by_second.items())]
        step = len(points) // CURVE_POINTS_MAX + 1
        return points[::-step][::-1]

    def _context(self, key: ApiKey, account: AccountView | None) -> dict[str, Any]:
        context: dict[str, Any] = {
            "account": account,
            "is_part": False,
            "key": key,
            "trades": account is not None and key.trades(account.account_id),
            "kills": key.role is not KeyRole.READER,
            "resumes": key.role is KeyRole.OPERATOR,
            "symbols": [item.symbol for item in self._config.instruments if item.tradable],
            "types": TYPES,
            "order_classes": CLASSES,
            "used_by": USED_BY,
            "times_in_force": TIMES,
            "market_ns": self._guard.view.market_ns,
            "order_id": str(uuid4()),
        }
        return context if account is None else context | self._numbers(account)

    def _numbers(self, account: AccountView) -> dict[str, Any]:
        positions = [
            {"report": item, "value": self._guard.view.values.of(item)}
            for item in sorted(list(account.positions.values()), key=lambda item: item.symbol)
            if item.quantity
        ]
        working = account.working()[::-1]
        equity = account.equity
        return {
            "equity": equity,
            "day_pnl": None if equity is None else equity.equity - account.day_start_equity,
            "positions": positions,
            "working": working[:WORKING],
            "working_count": len(working),
            "fills": account.fills.newest(TAPE),
            "fills_count": account.fills.count,
            "events": account.events.newest(EVENTS),
            "breakers": sorted(account.breakers.items()),
            "is_killed": account.is_killed or self._guard.view.is_all_killed,
        }

    def submit(self, key: ApiKey, account_id: str, form: Mapping[str, str]) -> HTMLResponse:
        """Sends the order of the ticket with its legs. Raises ServiceProblem."""
        return self._said("sent", *self._orders.submit_all(self._traded(key, account_id), ticket_orders(form)))

    def cancel(self, key: ApiKey, account_id: str, form: Mapping[str, str]) -> HTMLResponse:
        """Cancels an order. Raises ServiceProblem."""
        return self._said("canceled", self._orders.cancel(self._traded(key, account_id), form.get("order_id", "")))

    def cancel_all(self, key: ApiKey, account_id: str) -> HTMLResponse:
        """Cancels all orders. Raises ServiceProblem."""
        canceled = self._orders.cancel_all(self._traded(key, account_id))
        return self._message("good", "Cancel all", f"{len(canceled)} orders are being canceled")

    def flatten(self, key: ApiKey, account_id: str) -> HTMLResponse:
        """Cancels all orders and closes all positions. Raises ServiceProblem."""
        closing = self._orders.flatten(self._traded(key, account_id))
        return self._message("good", "Flatten", f"{len(closing)} positions are being closed at the market")

    def kill(self, key: ApiKey, account_id: str, form: Mapping[str, str]) -> HTMLResponse:
        """Kills an account. Raises ServiceProblem."""
        demand_killer(key)
        self._guard.account_of(key, account_id)
        event = self._controls.kill(account_id, key.account_id, demand_reason(form), form.get("flatten") == "yes")
        return self._message("warn", "Killed", event.text)

    def resume(self, key: ApiKey, account_id: str, form: Mapping[str, str]) -> HTMLResponse:
        """Resumes an account. Raises ServiceProblem."""
        demand_operator(key)
        self._guard.account_of(key, account_id)
        return self._message(
            "good", "Resumed", self._controls.resume(account_id, key.account_id, demand_reason(form)).text
        )

    def _traded(self, key: ApiKey, account_id: str) -> str:
        self._guard.account_of(key, account_id)
        if not key.trades(account_id):
            raise not_allowed(f"a key of the role {key.role} sends no orders; sign in with a key of {account_id}")
        return account_id

    def _said(self, done: str, *orders: OrderState) -> HTMLResponse:
        """Says what became of an order and its legs: the refusals first, and what works in spite of them."""
        refused = [order for order in orders if is_refused(order)]
        others = [order for order in orders if not is_refused(order)]
        texts = [order.reason or f"{order.order_id} was refused" for order in refused]
        texts += [f"{order.order_id}: {order.status.lower().replace('_', ' ')}" for order in others]
        return self._message("bad" if refused else "good", "Refused" if refused else f"Order {done}", "; ".join(texts))

    def _message(self, kind: str, title: str, text: str) -> HTMLResponse:
        return self._guard.part("message.html", {"kind": kind, "title": title, "text": text})


def demand_reason(form: Mapping[str, str]) -> str:
    """Returns the reason that a form gives for a command. Raises ServiceProblem if it gives none."""
    reason = form.get("reason", "").strip()
    if not reason:
        raise broken_rule("give a reason; it is recorded with the command")
    return reason


async def form_of(request: Request) -> dict[str, str]:
    """Returns the fields of a form, application/x-www-form-urlencoded."""
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))


def desk_routes(desk: DeskPage, guard: ConsoleGuard) -> APIRouter:
    """Returns the routes of the desk."""
    routes = APIRouter()
    reading, changing, form_fields = Depends(guard.key_of), Depends(guard.changing_key), Depends(form_of)

    @routes.get("/desk")
    def show(request: Request, account: str = "", key: ApiKey = reading) -> HTMLResponse:
        return desk.show(request, key, account)

    @routes.get("/desk/live")
    def live(account: str, key: ApiKey = reading) -> HTMLResponse:
        return desk.live(key, account)

    @routes.get("/desk/breakers")
    def breakers(account: str, key: ApiKey = reading) -> HTMLResponse:
        return desk.breakers(key, account)

    @routes.get("/desk/curve")
    def curve(account: str, key: ApiKey = reading) -> list[dict[str, Any]]:
        return desk.curve(key, account)

    @routes.post("/desk/submit")
    def submit(account: str, key: ApiKey = changing, form: dict[str, str] = form_fields) -> HTMLResponse:
        return desk.submit(key, account, form)

    @routes.post("/desk/cancel")
    def cancel(account: str, key: ApiKey = changing, form: dict[str, str] = form_fields) -> HTMLResponse:
        return desk.cancel(key, account, form)

    @routes.post("/desk/cancel-all")
    def cancel_all(account: str, key: ApiKey = changing) -> HTMLResponse:
        return desk.cancel_all(key, account)

    @routes.post("/desk/flatten")
    def flatten(account: str, key: ApiKey = changing) -> HTMLResponse:
        return desk.flatten(key, account)

    @routes.post("/desk/kill")
    def kill(account: str, key: ApiKey = changing, form: dict[str, str] = form_fields) -> HTMLResponse:
        return desk.kill(key, account, form)

    @routes.post("/desk/resume")
    def resume(account: str, key: ApiKey = changing, form: dict[str, str] = form_fields) -> HTMLResponse:
        return desk.resume(key, account, form)

    return routes
