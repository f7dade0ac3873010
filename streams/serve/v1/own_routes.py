"""The routes of the service's own API. A key sees its own account alone, or all of them if it is not a trader's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from infra.errors import ClickHouseError
from streams.core.core_config import CoreConfig
from streams.serve.account_view import AccountView, NumberedTail
from streams.serve.api_keys import ApiKey, ApiKeys, KeyRole
from streams.serve.control_desk import ControlDesk
from streams.serve.desk_view import DeskView
from streams.serve.http_limits import RateLimit
from streams.serve.order_desk import OrderDesk, is_refused
from streams.serve.record_streams import KINDS, RecordStreams
from streams.serve.request_key import credentials
from streams.serve.service_problem import ServiceProblem, broken_rule, no_such, not_allowed, not_reached, wrong_key
from streams.serve.v1 import own_json
from streams.serve.v1.order_forms import Command, NewOrder, OrderChanges

PAGE, PAGE_MAX = 100, 1_000
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str, Query(max_length=400, description="The `next` of the page before.")]


class OwnRoutes:
    """The parts that the routes share: the view, the desks, and the check of a key."""

    def __init__(
        self, config: CoreConfig, view: DeskView, orders: OrderDesk, controls: ControlDesk, keys: ApiKeys
    ) -> None:
        self.view, self.orders, self.controls, self.keys = view, orders, controls, keys
        self.instruments = config.instruments
        self._limit = RateLimit()

    async def key_of(self, request: Request) -> ApiKey:
        """Returns the key of a request. It waits for nothing, so it needs no thread. Raises ServiceProblem."""
        key_id, secret = credentials(request)
        if not self._limit.allows(key_id):
            raise ServiceProblem(
                429, "too many requests", "a key may send 200 requests a second, 400 at once; wait a little"
            )
        key = self.keys.checked(key_id, secret)
        if key is None:
            raise wrong_key()
        if self.view.failure is not None:
            raise not_reached(f"the topics can't be read: {self.view.failure}")
        return key

    def seen(self, key: ApiKey, account_id: str) -> AccountView:
        """Returns an account that a key may see. Raises ServiceProblem."""
        if not key.sees(account_id) or (account_id not in self.view.accounts and account_id != key.account_id):
            raise no_such(f"account {account_id} for this key")
        return self.view.account(account_id)

    def traded(self, key: ApiKey, account_id: str) -> str:
        """Returns the id of an account for which a key may trade. Raises ServiceProblem."""
        self.seen(key, account_id)
        if not key.trades(account_id):
            raise not_allowed(
                f"a key of the role {key.role} sends no orders; `paper access key {account_id}` makes one"
            )
        return account_id

    def orders_page(self, account: AccountView, status: str, symbol: str, limit: int, cursor: str) -> dict[str, Any]:
        """Returns orders, newest first, with the cursor of the next page."""
        before = _order_cursor(cursor)
        found = sorted(
            (
                order
                for order in list(account.orders.values())
                if (status == "all" or order.is_terminal == (status == "closed")) and symbol in ("", order.symbol)
            ),
            key=lambda order: (order.created_ns, order.order_id),
            reverse=True,
        )
        page = [order for order in found if before is None or (order.created_ns, order.order_id) < before][: limit + 1]
        last = page[limit - 1] if len(page) > limit else None
        following = None if last is None else f"{last.created_ns}.{last.order_id}"
        return {"items": [own_json.order_v1(order) for order in page[:limit]], "next": following}


def own_app(routes: OwnRoutes, streams: RecordStreams) -> FastAPI:
    """Returns the application that stands under /v1."""
    app = FastAPI(title="Paper Trading Streams", docs_url=None, redoc_url=None)
    own_key = Depends(routes.key_of)
    _add_reads(app, routes, own_key)
    _add_changes(app, routes, own_key)

    @app.get("/stream", response_class=StreamingResponse)
    async def stream(kinds: str = ",".join(KINDS), key: ApiKey = own_key) -> StreamingResponse:
        wanted = frozenset(kinds.split(","))
        if not wanted <= set(KINDS):
            raise broken_rule(f"kinds {kinds!r}: give some of {','.join(KINDS)}")
        events = streams.events(key, lambda: routes.keys.named(key.key_id) == key, wanted)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    answer_problems(app)
    return app


def _add_reads(app: FastAPI, routes: OwnRoutes, own_key: Any) -> None:
    view = routes.view

    @app.get("/accounts")
    def accounts(key: ApiKey = own_key) -> list[dict[str, Any]]:
        return [own_json.account_v1(item) for item in sorted_accounts(view) if key.sees(item.account_id)]

    @app.get("/accounts/{account_id}")
    def account(account_id: str, key: ApiKey = own_key) -> dict[str, Any]:
        return own_json.account_v1(routes.seen(key, account_id))

    @app.get("/accounts/{account_id}/orders")
    def orders(
        account_id: str,
        key: ApiKey = own_key,
        status: Annotated[str, Query(pattern="^(open|closed|all)$")] = "open",
        symbol: str = "",
        limit: Limit = PAGE,
        cursor: Cursor = "",
    ) -> dict[str, Any]:
        return routes.orders_page(routes.seen(key, account_id), status, symbol, limit, cursor)

    @app.get("/accounts/{account_id}/orders/{order_id:path}")
    def order(account_id: str, order_id: str, key: ApiKey = own_key) -> dict[str, Any]:
        routes.seen(key, account_id)
        return own_json.order_v1(routes.orders.order(account_id, order_id))

    @app.get("/accounts/{account_id}/positions")
    def positions(account_id: str, key: ApiKey = own_key) -> list[dict[str, Any]]:
        held = [item for item in list(routes.seen(key, account_id).positions.values()) if item.quantity]
        return [own_json.position_v1(item, view.values.of(item)) for item in held]

    @app.get("/accounts/{account_id}/fills")
    def fills(account_id: str, key: ApiKey = own_key, limit: Limit = PAGE, cursor: Cursor = "") -> dict[str, Any]:
        return _page(routes.seen(key, account_id).fills, own_json.fill_v1, limit, cursor)

    @app.get("/accounts/{account_id}/equity")
    def equity(account_id: str, key: ApiKey = own_key, limit: Limit = PAGE, cursor: Cursor = "") -> dict[str, Any]:
        return _page(routes.seen(key, account_id).equities, own_json.equity_v1, limit, cursor)

    @app.get("/accounts/{account_id}/risk-events")
    def events(account_id: str, key: ApiKey = own_key, limit: Limit = PAGE, cursor: Cursor = "") -> dict[str, Any]:
        return _page(routes.seen(key, account_id).events, own_json.event_v1, limit, cursor)

    @app.get("/quotes", dependencies=[own_key])
    def quotes(symbols: str = "") -> list[dict[str, Any]]:
        wanted = set(symbols.split(",")) if symbols else None
        return [
            own_json.quote_v1(mark) for name, mark in sorted(view.quotes.items()) if wanted is None or name in wanted
        ]

    @app.get("/instruments", dependencies=[own_key])
    def instruments() -> list[dict[str, Any]]:
        return [own_json.instrument_v1(item) for item in routes.instruments]


def _add_changes(app: FastAPI, routes: OwnRoutes, own_key: Any) -> None:
    @app.post("/accounts/{account_id}/orders")
    def submit(account_id: str, form: NewOrder, key: ApiKey = own_key) -> JSONResponse:
        fields = form.model_dump(exclude_none=True)
        order = routes.orders.submit(routes.traded(key, account_id), fields)
        return JSONResponse(own_json.order_v1(order), 409 if is_refused(order) else 200)

    @app.delete("/accounts/{account_id}/orders")
    def cancel_all(account_id: str, key: ApiKey = own_key) -> dict[str, Any]:
        return {"canceled": routes.orders.cancel_all(routes.traded(key, account_id))}

    @app.patch("/accounts/{account_id}/orders/{order_id:path}")
    def replace(account_id: str, order_id: str, changes: OrderChanges, key: ApiKey = own_key) -> dict[str, Any]:
        fields = changes.model_dump(exclude_none=True)
        return own_json.order_v1(routes.orders.replace(routes.traded(key, account_id), order_id, fields))

    @app.delete("/accounts/{account_id}/orders/{order_id:path}")
    def cancel(account_id: str, order_id: str, key: ApiKey = own_key) -> dict[str, Any]:
        return own_json.order_v1(routes.orders.cancel(routes.traded(key, account_id), order_id))

    @app.delete("/accounts/{account_id}/positions")
    def flatten(account_id: str, key: ApiKey = own_key) -> list[dict[str, Any]]:
        return [own_json.order_v1(order) for order in routes.orders.flatten(routes.traded(key, account_id))]

    @app.post("/accounts/{account_id}/kill")
    def kill(account_id: str, command: Command, key: ApiKey = own_key) -> dict[str, Any]:
        routes.seen(key, account_id)
        demand_killer(key)
        return own_json.event_v1(routes.controls.kill(account_id, key.account_id, command.reason, command.flatten))

    @app.post("/accounts/{account_id}/resume")
    def resume(account_id: str, command: Command, key: ApiKey = own_key) -> dict[str, Any]:
        routes.seen(key, account_id)
        demand_operator(key)
        return own_json.event_v1(routes.controls.resume(account_id, key.account_id, command.reason))


def demand_killer(key: ApiKey) -> None:
    """Raises ServiceProblem unless a key may kill what it sees: a trader stops itself, an operator anybody."""
    if key.role is KeyRole.READER:
        raise not_allowed("a reader's key changes nothing; `paper access key NAME --role operator` makes another")


def demand_operator(key: ApiKey, does: str = "resumes") -> None:
    """Raises ServiceProblem unless a key is an operator's. does: what an operator alone does."""
    if key.role is not KeyRole.OPERATOR:
        raise not_allowed(f"only an operator {does}; `paper access key NAME --role operator` makes a key")


def sorted_accounts(view: DeskView) -> Sequence[AccountView]:
    """Returns all accounts, by id."""
    return sorted(list(view.accounts.values()), key=lambda item: item.account_id)


def _page(tail: NumberedTail[Any], form: Callable[[Any], dict[str, Any]], limit: int, cursor: str) -> dict[str, Any]:
    """Returns the items after a cursor, oldest first. next: the cursor that follows them, also at the end."""
    if cursor and not cursor.isdecimal():
        raise broken_rule(f"cursor {cursor!r} is not the `next` of a page")
    found = tail.after(int(cursor or 0), limit)
    return {"items": [form(item) for _, item in found], "next": str(found[-1][0]) if found else cursor or "0"}


def _order_cursor(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    created, dot, order_id = cursor.partition(".")
    if not created.isdecimal() or not dot:
        raise broken_rule(f"cursor {cursor!r} is not the `next` of a page")
    return int(created), order_id


def answer_problems(app: FastAPI) -> None:
    """Answers each error as RFC 9457 describes it."""

    def answer(status: int, title: str, detail: str) -> JSONResponse:
        document = {"status": status, "title": title, "detail": detail}
        return JSONResponse(document, status, media_type="application/problem+json")

    def of_problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ServiceProblem)
        return answer(error.status, error.title, error.detail)

    def of_form(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        found = error.errors()[0]
        place = ".".join(str(part) for part in found["loc"][1:])
        return answer(422, "invalid request", f"{place}: {found['msg']}" if place else found["msg"])

    def of_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return answer(error.status_code, "not possible", str(error.detail))

    def of_rows(_: Request, error: Exception) -> JSONResponse:
        return answer(503, "unavailable", str(error))

    app.add_exception_handler(ServiceProblem, of_problem)
    app.add_exception_handler(ClickHouseError, of_rows)
    app.add_exception_handler(RequestValidationError, of_form)
    app.add_exception_handler(HTTPException, of_http)
