"""Alpaca's ids of accounts, instruments and orders, which are functions of this pipeline's ids.

A replaced order keeps its id in the pipeline and has a new one at Alpaca: the id of the order and of the replacement's
request. So each replacement makes a version of the order.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from streams.serve.account_view import AccountView
from streams.serve.order_state import OrderState

NAMESPACE = uuid5(NAMESPACE_URL, "paper-trading-streams")


def uuid_of(kind: str, *parts: str) -> UUID:
    """Returns the id of a thing of a kind, as a UUID of version 5 (RFC 9562)."""
    return uuid5(NAMESPACE, "\0".join((kind, *parts)))


def asset_uuid(symbol: str) -> UUID:
    """Returns the id of an instrument."""
    return uuid_of("asset", symbol)


def version_uuid(order: OrderState, version: int) -> UUID:
    """Returns the id of a version of an order: 0 as it was sent, then one for each replacement."""
    request = order.replacements[version - 1].request_id if version else ""
    return uuid_of("order", order.account_id, order.order_id, request)


class OrderIds:
    """The orders of accounts by Alpaca's ids."""

    def __init__(self) -> None:
        self._found: dict[str, dict[UUID, tuple[str, int]]] = {}

    def find(self, account: AccountView, wanted: UUID) -> tuple[OrderState, int] | None:
        """Returns an order and its version; None if the account has none with this id."""
        known = self._found.get(account.account_id, {})
        if wanted not in known:
            known = self._found[account.account_id] = {
                version_uuid(order, version): (order.order_id, version)
                for order in list(account.orders.values())
                for version in range(len(order.replacements) + 1)
            }
        order_id, version = known.get(wanted, ("", 0))
        found = account.orders.get(order_id)
        return None if found is None else (found, version)
