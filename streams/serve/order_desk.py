"""The trades of the service's own API and of the console: sends orders and changes of orders to the topic orders."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from schemas.records.enums import ExecType, OrdStatus
from schemas.records.messages import OrderRequest, OrderResult
from schemas.records.numbers import price_text
from streams.errors import DeliveryError, RecordTooLarge
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.clients.request_models import OrderRequestModel
from streams.serve.desk_view import DeskView
from streams.serve.order_state import OrderState
from streams.serve.service_problem import ServiceProblem, broken_rule, no_such, not_reached
from streams.serve.stored_rows import StoredRows

log = logging.getLogger(__name__)

PIPELINE_ANSWERS_S = 2.0
"""Longest time that a request waits for the pipeline's first answer."""
VIEW_SHOWS_S = 5.0
"""Longest time until an order that Kafka has taken is in the view."""


class OrderDesk:
    """The trading side of the service's own API for all accounts."""

    def __init__(self, view: DeskView, producer: RecordProducer, rows: StoredRows) -> None:
        self._view, self._producer, self._rows = view, producer, rows

    def submit(self, account_id: str, fields: Mapping[str, Any]) -> OrderState:
        """Sends an order and waits for the first answer.

        An order that is known and says the same is not sent again: a client repeats what got no answer. An order
        that a control refuses is returned as rejected. Raises ServiceProblem.
        """
        (order,) = self.submit_all(account_id, [fields])
        return order

    def submit_all(self, account_id: str, orders: Iterable[Mapping[str, Any]]) -> list[OrderState]:
        """Sends an order with its legs and waits for the first answer to each, as submit does. Raises ServiceProblem.

        Nothing is sent if one of them breaks a rule of its form. Of an order that is known, the legs that are missing
        are sent.
        """
        requests = [request_of({"account_id": account_id, "action": "NEW", **fields}) for fields in orders]
        known = self._view.account(account_id).orders
        missing = []
        for request in requests:
            if (before := known.get(request.order_id)) is None:
                missing.append(request)
            else:
                _demand_same(before, request)
        if missing:
            self._send(*missing)
        deadline = monotonic() + PIPELINE_ANSWERS_S
        for request in missing:
            self._view.await_answer(account_id, request.order_id, deadline - monotonic())
        return [self._shown(account_id, request.order_id) for request in requests]

    def _shown(self, account_id: str, order_id: str) -> OrderState:
        if order_id in self._view.account(account_id).forgotten:
            return self.order(account_id, order_id)
        order = self._view.await_order(account_id, order_id, VIEW_SHOWS_S)
        if order is None:
            raise not_reached(f"Kafka has taken order {order_id} and does not show it yet; ask for it again")
        return order

    def cancel(self, account_id: str, order_id: str) -> OrderState:
        """Sends a cancel and waits for the answer. Raises ServiceProblem."""
        order = self.order(account_id, order_id)
        self._ask(account_id, {"action": "CANCEL", "orig_order_id": order.order_id})
        return order

    def cancel_all(self, account_id: str) -> list[str]:
        """Sends a cancel of all working orders. Returns their ids. Raises ServiceProblem."""
        working = self._view.account(account_id).working()
        if working:
            self._ask(account_id, {"action": "MASS_CANCEL"})
        return [order.order_id for order in working]

    def replace(self, account_id: str, order_id: str, changes: Mapping[str, Any]) -> OrderState:
        """Sends new quantities or prices of an order and waits for the answer. Raises ServiceProblem."""
        order = self.order(account_id, order_id)
        self._ask(account_id, {"action": "REPLACE", "orig_order_id": order.order_id, **changes})
        return order

    def close(self, account_id: str, symbol: str) -> OrderState:
        """Sends a market order that closes a position. Raises ServiceProblem."""
        position = self._view.account(account_id).positions.get(symbol)
        if position is None or not position.quantity:
            raise no_such(f"open position in {symbol}")
        fields = {
            "order_id": str(uuid4()),
            "symbol": symbol,
            "side": "SELL" if position.quantity > 0 else "BUY",
            "order_type": "MARKET",
            "quantity": price_text(abs(position.quantity)),
            "reduce_only": True,
        }
        return self.submit(account_id, fields)

    def flatten(self, account_id: str) -> list[OrderState]:
        """Cancels all working orders, and closes all positions by market orders. Raises ServiceProblem."""
        self.cancel_all(account_id)
        positions = list(self._view.account(account_id).positions.values())
        return [self.close(account_id, position.symbol) for position in positions if position.quantity]

    def order(self, account_id: str, order_id: str) -> OrderState:
        """Returns an order; from ClickHouse if it ended long ago. Raises ServiceProblem, ClickHouseError."""
        order = self._view.account(account_id).orders.get(order_id) or self._rows.ended_order(account_id, order_id)
        if order is None:
            raise no_such(f"order {order_id} of account {account_id}")
        return order

    def _ask(self, account_id: str, fields: Mapping[str, Any]) -> OrderResult:
        """Sends a request about orders and returns its answer. Raises ServiceProblem."""
        request_id = str(uuid4())
        self._send(request_of({"account_id": account_id, "order_id": request_id, **fields}))
        answer = self._view.await_answer(account_id, request_id, PIPELINE_ANSWERS_S)
        if answer is None:
            raise not_reached("the request was sent and has no answer yet; ask for the order again")
        if answer.exec_type in (ExecType.CANCEL_REJECT, ExecType.REJECTED):
            raise ServiceProblem(409, "refused", answer.text or str(answer.reason_code))
        return answer

    def _send(self, *requests: OrderRequest) -> None:
        try:
            for request in requests:
                self._producer.send("orders", request.account_id, request)
            self._producer.flush()
        except (DeliveryError, RecordTooLarge) as error:
            log.warning("orders: %s", error)
            raise not_reached(f"Kafka did not take the order: {error}; send it again with the same id") from error


def request_of(fields: Mapping[str, Any]) -> OrderRequest:
    """Returns a request of the pipeline. Raises ServiceProblem if a field breaks a rule."""
    try:
        return OrderRequestModel.model_validate(dict(fields)).to_message()
    except ValidationError as error:
        raise broken_rule(first_fault(error)) from error


def first_fault(error: ValidationError) -> str:
    """Returns the first broken rule of a model as text."""
    found = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    said = found["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said


def is_refused(order: OrderState) -> bool:
    """Returns whether a control or the venue has refused an order."""
    return order.status is OrdStatus.REJECTED


def _demand_same(known: OrderState, request: OrderRequest) -> None:
    quantity = known.replacements[0].quantity if known.replacements else known.quantity
    before = (known.symbol, known.side, known.order_type, quantity)
    if before != (request.symbol, request.side, request.order_type, request.quantity):
        raise ServiceProblem(
            409, "id is taken", f"order {known.order_id} says something else; give a new order a new id"
        )
