"""Tests of the service's own API over a real pipeline."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from streams.serve.api_keys import ApiKeys, KeyRole
from streams.serve.stored_rows import StoredRows
from streams.serve.v1.own_json import order_v1
from tests.end_to_end.desk import AWAIT_S
from tests.end_to_end.processes import done
from tests.serve.conftest import SYMBOL, Service


class Caller:
    """A client of an account, or of a person who sees all of them."""

    def __init__(self, service: Service, account: str, role: str = "trader") -> None:
        self.key, self.account = ApiKeys(service.settings).make(account, KeyRole(role)), account
        self._root = f"{service.root}/v1"

    def ask(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        """Asks, demands a status, and returns the document."""
        answer = requests.request(method, self._root + path, json=body or None, auth=self.key, timeout=AWAIT_S)
        assert answer.status_code == status, answer.text
        return answer.json()

    def own(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        """Asks about the own account."""
        return self.ask(method, f"/accounts/{self.account}{path}", status, **body)


@pytest.fixture
def trader(service: Service) -> Caller:
    account = f"v{uuid4().hex[:8]}"
    service.desk.open_account(account)
    caller = Caller(service, account)
    awaited(lambda: caller.own("GET", "")["equity"])
    return caller


def awaited(look: Callable[[], Any]) -> Any:
    """Asks again until there is something."""
    deadline = time.monotonic() + AWAIT_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
    return found


def order(order_id: str, **changes: Any) -> dict[str, Any]:
    """Returns a limit order that rests."""
    common = {"symbol": SYMBOL, "side": "BUY", "quantity": "10", "order_type": "LIMIT", "price": "40"}
    return {"order_id": order_id, **common, "time_in_force": "GTC", **changes}


def buy(service: Service, trader: Caller, order_id: str) -> None:
    """Buys at the market."""
    trader.own("POST", "/orders", **order(order_id, order_type="MARKET", price=None, time_in_force="DAY"))

    def is_filled() -> bool:
        service.tick()
        status: str = trader.own("GET", f"/orders/{order_id}")["status"]
        return status == "FILLED"

    awaited(is_filled)


def test_an_order_is_placed_once_changed_and_canceled(trader: Caller) -> None:
    first = trader.own("POST", "/orders", **order("a"))
    assert (first["status"], first["quantity"], first["price"]) == ("NEW", "10", "40")
    assert trader.own("POST", "/orders", **order("a")) == first
    assert "says something else" in trader.own("POST", "/orders", 409, **order("a", quantity="11"))["detail"]
    changed = trader.own("PATCH", "/orders/a", quantity="12", price="41")
    assert (changed["quantity"], changed["price"]) == ("12", "41")
    trader.own("DELETE", "/orders/a")
    assert trader.own("GET", "/orders/a")["status"] == "CANCELED"
    assert trader.own("DELETE", "/orders/a", 409)["title"] == "refused"


def test_an_order_that_ended_long_ago_comes_from_clickhouse(service: Service, trader: Caller) -> None:
    trader.own("POST", "/orders", **order("old"))
    trader.own("DELETE", "/orders/old")
    shown = trader.own("GET", "/orders/old")
    rows = StoredRows(service.settings)
    stored = awaited(lambda: rows.ended_order(trader.account, "old"))
    times = {"created": shown["created"], "updated": shown["updated"]}
    assert order_v1(stored) | times == shown
    assert rows.ended_order("stranger", "old") is None


def test_orders_come_in_pages_and_are_canceled_together(trader: Caller) -> None:
    for name in "abc":
        trader.own("POST", "/orders", **order(name))
    first = trader.own("GET", "/orders?limit=2")
    second = trader.own("GET", f"/orders?limit=2&cursor={first['next']}")
    shown = [item["order_id"] for item in first["items"] + second["items"]]
    assert (sorted(shown), len(first["items"]), second["next"]) == (["a", "b", "c"], 2, None)
    assert sorted(trader.own("DELETE", "/orders")["canceled"]) == ["a", "b", "c"]
    awaited(lambda: not trader.own("GET", "/orders")["items"])
    assert len(trader.own("GET", "/orders?status=closed")["items"]) == 3


def test_what_breaks_a_rule_is_refused_with_the_rule(trader: Caller) -> None:
    assert trader.own("POST", "/orders", 409, **order("big", quantity="1000000"))["reason"]
    for change, word in (({"price": None}, "price"), ({"side": "HOLD"}, "side"), ({"more": 1}, "more")):
        refused = trader.own("POST", "/orders", 422, **order("x", **change))
        assert word in refused["detail"]
    assert "cursor" in trader.own("GET", "/orders?cursor=x", 422)["detail"]
    assert "cursor" in trader.own("GET", "/fills?cursor=x", 422)["detail"]


def test_fills_positions_equity_and_flatten(service: Service, trader: Caller) -> None:
    buy(service, trader, "b")
    (fill,) = awaited(lambda: trader.own("GET", "/fills")["items"])
    assert (fill["order_id"], fill["quantity"], fill["currency"]) == ("b", "10", "USD")
    assert trader.own("GET", "/fills?cursor=1") == {"items": [], "next": "1"}
    (position,) = awaited(lambda: trader.own("GET", "/positions"))
    assert (position["quantity"], position["mark_px"]) == ("10", "50.01")
    assert float(position["unrealised_pnl"]) == pytest.approx((50.01 - float(position["avg_px"])) * 10)
    assert len(trader.own("GET", "/equity")["items"]) >= 2
    (closing,) = trader.own("DELETE", "/positions")
    assert (closing["side"], closing["order_type"]) == ("SELL", "MARKET")


def test_roles_bound_what_a_key_may_do(service: Service, trader: Caller) -> None:
    other, reader = Caller(service, "stranger"), Caller(service, "rita", "reader")
    operator = Caller(service, "olga", "operator")
    mine = f"/accounts/{trader.account}"
    other.ask("GET", mine, 404)
    other.ask("POST", f"{mine}/kill", 404, reason="no")
    assert reader.ask("GET", mine)["account_id"] == trader.account
    reader.ask("POST", f"{mine}/orders", 403, **order("r"))
    reader.ask("POST", f"{mine}/kill", 403, reason="no")
    assert trader.account not in {item["account_id"] for item in other.ask("GET", "/accounts")}
    killed = operator.ask("POST", f"{mine}/kill", reason="too fast")
    assert (killed["kind"], killed["actor"], killed["reason"]) == ("KILLED", "olga", "too fast")
    assert "killed" in trader.own("POST", "/orders", 409, **order("late"))["reason"]
    trader.own("POST", "/resume", 403, reason="please")
    operator.ask("POST", f"{mine}/resume", reason="all is well")
    assert not trader.own("GET", "")["is_killed"]
    assert "not killed" in operator.ask("POST", f"{mine}/resume", 409, reason="again")["detail"]
    assert {"KILLED", "RESUMED"} <= {item["kind"] for item in trader.own("GET", "/risk-events")["items"]}


def test_a_stream_brings_the_own_records_alone(service: Service, trader: Caller) -> None:
    with requests.get(f"{service.root}/v1/stream", auth=trader.key, stream=True, timeout=AWAIT_S) as stream:
        lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(lines) == ": still here"
        other = Caller(service, f"v{uuid4().hex[:8]}")
        service.desk.open_account(other.account)
        awaited(lambda: other.own("GET", "")["equity"])
        other.own("POST", "/orders", **order("not-yours"))
        trader.own("POST", "/orders", **order("mine"))
        service.tick()
        seen = dict(_until(lines, {"order", "quote"}))
    assert (seen["order"]["order_id"], seen["order"]["account_id"]) == ("mine", trader.account)


def _until(lines: Iterator[str], kinds: set[str]) -> Iterator[tuple[str, Any]]:
    """Yields events until each kind has come."""
    kind, left = "", set(kinds)
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)
            left.discard(kind)
            if not left:
                return


def test_a_role_that_does_not_exist_is_refused(service: Service) -> None:
    with pytest.raises(AssertionError, match="must be trader, operator, reader"):
        done(service.settings, "access", "key", "x", "--role", "king")
