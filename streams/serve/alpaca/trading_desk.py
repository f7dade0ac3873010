"""The trades of a client of Alpaca's API: sends orders, cancels, replacements and closings to the topic orders."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID, uuid4

from schemas.records.enums import OrdStatus
from schemas.records.messages import OrderRequest, OrderResult
from schemas.records.numbers import plain, price_to_decimal
from streams.errors import DeliveryError, RecordTooLarge
from streams.pipeline.clients.producer import RecordProducer
from streams.serve.alpaca.alpaca_error import AlpacaError, invalid, not_found, refused, repeated_id, unavailable
from streams.serve.alpaca.order_body import OrderBody, checked_request
from streams.serve.alpaca.order_ids import OrderIds
from streams.serve.alpaca.order_json import STATUS, order_json
from streams.serve.desk_view import DeskView
from streams.serve.order_state import OrderState
from streams.serve.stored_rows import StoredRows

log = logging.getLogger(__name__)

ANSWER_S = 2.0
"""Longest time that a request waits for the pipeline's first answer."""
SEEN_S = 5.0
"""Longest time until a request that Kafka has taken is in the view."""
BROKEN_RULES = frozenset({"UNKNOWN_INSTRUMENT", "NOT_TRADABLE", "TICK_SIZE", "LOT_SIZE", "MIN_QUANTITY", "ORDER_FORM"})


class TradingDesk:
    """The trading side of the API for all accounts."""

    def __init__(self, view: DeskView, producer: RecordProducer, rows: StoredRows) -> None:
        self._view, self._producer, self._rows = view, producer, rows
        self._ids = OrderIds()

    def submit(self, account_id: str, form: OrderBody) -> dict[str, Any]:
        """Sends an order with its legs, and waits for the first answer. Raises AlpacaError if it is refused.

        After a broken connection, the same order may be sent again: of an order that is known only the legs that are
        missing are sent, and one that is whole is refused as repeated.
        """
        requests = form.requests(account_id)
        known = self._view.account(account_id).orders
        missing = [request for request in requests if request.order_id not in known]
        if not missing:
            raise repeated_id()
        order_id = requests[0].order_id
        self._send(missing)
        answer = self._view.await_answer(account_id, order_id, ANSWER_S)
        if order_id in self._view.account(account_id).forgotten:
            raise repeated_id()
        order = self._seen(account_id, order_id)
        if answer is not None and answer.ord_status is OrdStatus.REJECTED and order.status is OrdStatus.REJECTED:
            raise _refusal(answer)
        return order_json(self._view.account(account_id), order)

    def order(self, account_id: str, order_uuid: str, nested: bool = True) -> dict[str, Any]:
        """Returns an order by Alpaca's id. Raises AlpacaError."""
        order, version = self._find(account_id, order_uuid)
        return order_json(self._view.account(account_id), order, version, nested)

    def order_by_client_id(self, account_id: str, client_id: str) -> dict[str, Any]:
        """Returns an order by the client's id. Raises AlpacaError."""
        account = self._view.account(account_id)
        order = account.orders.get(client_id)
        if order is not None:
            return order_json(account, order, 0 if order.replacements else None)
        for other in list(account.orders.values()):
            for version, change in enumerate(other.replacements, 1):
                if change.request_id == client_id:
                    return order_json(account, other, version)
        stored = self._rows.ended_order(account_id, client_id)
        if stored is not None:
            return order_json(account, stored)
        raise not_found(f"order with client_order_id {client_id}")

    def cancel(self, account_id: str, order_uuid: str) -> None:
        """Sends a cancel. Raises AlpacaError if there is no such order, or it has ended."""
        order, version = self._find(account_id, order_uuid)
        if order.is_terminal or version < len(order.replacements):
            state = "replaced" if version < len(order.replacements) else STATUS[order.status]
            raise invalid(f'order is already in "{state}" state')
        self._ask(account_id, {"action": "CANCEL", "orig_order_id": order.order_id})

    def cancel_all(self, account_id: str) -> list[dict[str, Any]]:
        """Sends a cancel of all working orders. Returns the answer for each."""
        account = self._view.account(account_id)
        working = [order for order in list(account.orders.values()) if not order.is_terminal]
        if working:
            self._ask(account_id, {"action": "MASS_CANCEL"})
        return [{"id": order_json(account, order, nested=False)["id"], "status": 200} for order in working]

    def replace(self, account_id: str, order_uuid: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a replacement, and waits for its answer. Returns the new version. Raises AlpacaError."""
        order, version = self._find(account_id, order_uuid)
        if order.is_terminal or version < len(order.replacements):
            raise invalid(f'order is already in "{STATUS[order.status]}" state')
        unsupported = [name for name in ("time_in_force", "trail", "notional") if changes.get(name) is not None]
        if changes.get("time_in_force") == order.time_in_force.lower():
            unsupported.remove("time_in_force")
        if unsupported:
            raise invalid(f"{', '.join(unsupported)} can't be replaced here: cancel the order and send a new one")
        fields = {
            "action": "REPLACE",
            "orig_order_id": order.order_id,
            "quantity": changes.get("qty"),
            "price": changes.get("limit_price"),
            "stop_price": changes.get("stop_price"),
        }
        answer = self._ask(account_id, fields, changes.get("client_order_id"))
        if answer is None:
            raise unavailable("the replacement was sent, and no answer has come yet: ask for the order again")
        return order_json(self._view.account(account_id), order)

    def close(self, account_id: str, symbol: str, quantity: str | None, percentage: str | None) -> dict[str, Any]:
        """Sends a market order that closes a position, or a part of it. Raises AlpacaError."""
        position = self._view.account(account_id).positions.get(symbol)
        if position is None or not position.quantity:
            raise not_found(f"position {symbol}")
        form = {
            "symbol": symbol,
            "qty": closing_quantity(abs(position.quantity), quantity, percentage),
            "side": "sell" if position.quantity > 0 else "buy",
            "type": "market",
            "time_in_force": "day",
        }
        return self.submit(account_id, OrderBody.model_validate(form))

    def _ask(self, account_id: str, fields: Mapping[str, Any], request_id: str | None = None) -> OrderResult | None:
        """Sends a request about orders, and waits for its answer. Raises AlpacaError if it is refused."""
        request_id = request_id or str(uuid4())
        if self._view.account(account_id).answers.get(request_id) is not None:
            raise repeated_id()
        self._send([checked_request({"account_id": account_id, "order_id": request_id, **fields})])
        answer = self._view.await_answer(account_id, request_id, ANSWER_S)
        if answer is not None and answer.exec_type in ("CANCEL_REJECT", "REJECTED"):
            raise invalid(answer.text or str(answer.reason_code))
        return answer

    def _send(self, requests: Iterable[OrderRequest]) -> None:
        try:
            for request in requests:
                self._producer.send("orders", request.account_id, request)
            self._producer.flush()
        except (DeliveryError, RecordTooLarge) as error:
            log.warning("orders: %s", error)
            raise unavailable(f"Kafka did not take the order: {error}; send it again with the same id") from error

    def _seen(self, account_id: str, order_id: str) -> OrderState:
        order = self._view.await_order(account_id, order_id, SEEN_S)
        if order is None:
            raise unavailable("Kafka has taken the order and does not show it yet: ask for it by its client_order_id")
        return order

    def _find(self, account_id: str, order_uuid: str) -> tuple[OrderState, int]:
        try:
            found = self._ids.find(self._view.account(account_id), UUID(order_uuid))
        except ValueError:
            raise invalid(f"order_id {order_uuid!r} is not a UUID") from None
        if found is None:
            raise not_found(f"order {order_uuid}")
        return found


def closing_quantity(whole: int, quantity: str | None, percentage: str | None) -> str:
    """Returns the part of a position (1e-9 units) to close, as text: all of it unless a part is named."""
    size = price_to_decimal(whole)
    try:
        if quantity is not None:
            return plain(Decimal(quantity))
        return plain(size if percentage is None else size * Decimal(percentage) / 100)
    except InvalidOperation:
        raise invalid(f"qty {quantity or percentage!r} is not a number") from None


def _refusal(answer: OrderResult) -> AlpacaError:
    text = answer.text or str(answer.reason_code)
    return invalid(text) if answer.reason_code in BROKEN_RULES else refused(text)
