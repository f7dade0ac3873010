"""Tests of the console's other pages in a real browser, and of its guard, over a real pipeline."""

from __future__ import annotations

import json
import re
from typing import Any

import requests
from playwright.sync_api import Browser, expect

from infra.clickhouse.client import connect
from schemas.records.enums import GateDecisionKind, OrderType, TradingLevel
from schemas.records.gate_messages import GateDecision
from streams.pipeline.clients.follow import Follower
from streams.pipeline.dlq.send_again import REPLAYED_FROM
from streams.serve.api_keys import ApiKeys, KeyRole
from streams.serve.console.page_text import NOTHING
from tests import builders
from tests.end_to_end.desk import AWAIT_S
from tests.serve.conftest import DEEP, SYMBOL, Service
from tests.serve.console_browser import Visit, signed_in

EQUITIES = """
SELECT count() FROM account_equity
WHERE run_id = 'live' AND account_id = {account_id:String} AND `trigger` = 'FILL'
"""
COPIED = """
INSERT INTO account_equity SELECT * REPLACE({run_id:String} AS run_id) FROM
    (SELECT * FROM account_equity WHERE run_id = 'live' AND account_id = {account_id:String})
"""
REGISTERED = """
INSERT INTO replay_runs (run_id, base_run_id, what_if, recorded_at)
SELECT {run_id:String}, 'live', {what_if:String}, now64(3)
"""
TICK_S = 0.2
COMPUTED_MS = 120_000
"""Longest time until a report is computed, on a machine that does much else."""
LANDED_MS = 30_000
"""Longest time until the sink has landed a record, and the page has asked for it."""


def buy(service: Service, account: str, order_id: str) -> None:
    """Buys 10 at the market, as a program does, and waits for the fill."""
    order = builders.new(order_id, order_type=OrderType.MARKET, price=None, symbol=SYMBOL, account=account)
    with Follower(service.settings, service.desk.codec, ["order.results"]) as results:
        service.desk.send("orders", account, order)

        def quantity_done() -> int:
            service.renew()
            found = [item.message for item in results.poll(TICK_S)]
            return sum(item.last_qty or 0 for item in found if item.order_id == order_id)

        service.until(quantity_done, bool)


def test_the_market_page_shows_book_candles_and_own_fills(browser: Browser, service: Service, account: str) -> None:
    buy(service, account, "m-1")
    trader = signed_in(browser, service, account)
    trader.open(f"market?symbol={SYMBOL}&account={account}")
    expect(trader.page.locator("#book")).to_contain_text("50.02")
    trader.await_drawn()
    expect(trader.page.locator("#trades-title")).to_be_visible()
    assert trader.serious_faults() == []
    trader.keep_shots("market")
    trader.demand_clean()
    trader.close()


def test_the_market_page_shows_the_levels_of_a_book(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    levels = trader.page.locator("#book tbody tr")

    def shown() -> int:
        service.tick()
        at = service.market_second * builders.SECOND
        sides = ([("2999.50", "2"), ("2999.00", "5")], [("3000.25", "1"), ("3001.00", "4"), ("3002.00", "9")])
        service.desk.send("market.data", DEEP, builders.book(*sides, at=at, symbol=DEEP))
        service.desk.flush()
        trader.open(f"market?symbol={DEEP}&account={account}")
        return levels.count()

    service.until(shown, lambda count: count == 3)
    assert levels.nth(0).locator("td").all_inner_texts() == ["2", "2,999.5", "3,000.25", "1"]
    assert levels.nth(1).locator("td").all_inner_texts() == ["5", "2,999", "3,001", "4"]
    assert levels.nth(2).locator("td").all_inner_texts() == [NOTHING, NOTHING, "3,002", "9"]
    expect(trader.page.locator("#book-title")).to_contain_text("spread 0.75 USD")
    assert trader.serious_faults() == []
    trader.keep_shots("market-depth")
    trader.close()


def test_candles_carry_the_own_fills_and_working_orders_alone(service: Service, account: str) -> None:
    buy(service, account, "c-1")
    service.desk.send("orders", account, builders.new("c-2", price="40", symbol=SYMBOL, account=account))
    service.desk.flush()
    mine, address = session_of(service, account), f"{service.root}/console/market/candles?symbol={SYMBOL}&account="

    def found() -> dict[str, Any]:
        service.tick()
        answer: dict[str, Any] = mine.get(address + account, timeout=AWAIT_S).json()
        return answer

    shown = service.until(found, lambda answer: bool(answer["fills"] and answer["orders"]))
    assert [(fill["side"], fill["text"]) for fill in shown["fills"]] == [("BUY", "10")]
    assert [(order["price"], order["title"]) for order in shown["orders"]] == [(40.0, "buy 10")]
    assert session_of(service, "stranger").get(address + account, timeout=AWAIT_S).status_code == 404


def test_the_order_page_tells_the_story(browser: Browser, service: Service, account: str) -> None:
    buy(service, account, "s-1")
    trader = signed_in(browser, service, account)
    page = trader.page
    expect(page.locator("#tape")).to_contain_text(SYMBOL)
    page.locator("#tape a").first.click()
    story = page.locator(".story")
    expect(story).to_contain_text("requests: NEW s-1", timeout=LANDED_MS)
    expect(story).to_contain_text(re.compile("FILL 10 @ 50"), timeout=LANDED_MS)
    expect(page.locator("#live")).to_contain_text("Filled")
    assert trader.serious_faults() == []
    trader.keep_shots("order")
    trader.demand_clean()
    trader.close()


def test_the_health_page_shows_dead_letters_and_an_operator_sends_them_again(
    browser: Browser, service: Service
) -> None:
    service.desk.send_bytes("orders", b"x", b"no order at all")
    service.desk.flush()
    operator = signed_in(browser, service, "olga", KeyRole.OPERATOR)
    operator.page.on("dialog", lambda dialog: dialog.accept())
    operator.open("health")
    live, said = operator.page.locator("#live"), operator.page.locator("#said")
    expect(live.locator("#lag")).to_contain_text("orders")
    expect(live.locator("#workers")).to_contain_text("paper-workers")
    expect(live.locator("#letters")).to_contain_text("dlq.orders", timeout=LANDED_MS)
    replay = operator.page.get_by_role("button", name=re.compile(r"Replay \d+ of orders"))
    replay.click()
    expect(said).to_contain_text("give a reason")
    assert operator.serious_faults() == []
    operator.keep_shots("health")
    operator.page.get_by_label("Reason").fill("the writer is mended")
    cells = live.locator("#letters tbody tr").filter(has_text="dlq.orders").locator("td")
    letters, waiting = int(cells.nth(2).inner_text()), int(cells.nth(3).inner_text())
    replay.click()
    expect(said).to_contain_text(f"{waiting} record(s) sent back to orders")
    places = range(service.settings.account_partitions)
    records = [record for place in places for record in service.desk.read_raw("orders", place)]
    assert sum(REPLAYED_FROM in dict(record.headers) for record in records) == waiting
    assert f"olga sent {waiting} again: the writer is mended" in "".join(
        log.read_text() for log in service.folder.glob("serve-*.log")
    )
    # The record is as bad as before, and the letters that were sent do not wait any more.
    expect(cells.nth(2)).to_have_text(str(letters + waiting), timeout=LANDED_MS)
    expect(cells.nth(3)).to_have_text(str(waiting))
    operator.demand_clean()
    operator.close()


def test_an_operator_alone_sends_dead_letters_again(service: Service) -> None:
    address = f"{service.root}/console/health/replay"
    form = {"topic": "orders", "reason": "why not"}
    for role in (KeyRole.TRADER, KeyRole.READER):
        person = session_of(service, "tina", role)
        token = {"X-CSRF-Token": token_of(service, person)}
        assert person.post(address, form, headers=token, timeout=AWAIT_S).status_code == 403
    operator = session_of(service, "olga", KeyRole.OPERATOR)
    assert operator.post(address, form, timeout=AWAIT_S).status_code == 403
    token = {"X-CSRF-Token": token_of(service, operator)}
    answer = operator.post(address, form | {"topic": "fillings"}, headers=token, timeout=AWAIT_S)
    assert answer.status_code == 422
    assert "has no dead letters; give one of" in answer.text


def test_the_session_page_shows_the_report(browser: Browser, service: Service, account: str) -> None:
    buy(service, account, "r-1")
    trader = signed_in(browser, service, account)
    trader.page.get_by_role("link", name="Session").click()
    service.until(lambda: sessions_shown(trader), bool)
    report = trader.page.locator(".report")
    expect(report).to_contain_text("Max drawdown", timeout=COMPUTED_MS)
    expect(report.locator("svg").first).to_be_visible()
    assert trader.serious_faults() == []
    trader.keep_shots("session")
    trader.demand_clean()
    trader.close()


def sessions_shown(visit: Visit) -> int:
    """Returns how many sessions the page lists, once it was loaded again."""
    visit.page.reload()
    return visit.page.locator("#sessions tbody tr").count()


def test_the_gate_page_shows_values_against_thresholds(browser: Browser, service: Service, account: str) -> None:
    service.desk.send("gate.decisions", f"strategy-{account}", decision_of(account))
    service.desk.flush()
    trader, other = signed_in(browser, service, account), session_of(service, "stranger")
    trader.open(f"gate?strategy=strategy-{account}")
    row = trader.page.locator("#criteria tbody tr")
    expect(row).to_contain_text("days_traded")
    expect(row).to_contain_text("not met")
    expect(row).to_contain_text(re.compile("3.*>= 20"))
    assert trader.serious_faults() == []
    trader.keep_shots("gate")
    trader.demand_clean()
    assert f"strategy-{account}" not in other.get(f"{service.root}/console/gate", timeout=AWAIT_S).text
    trader.close()


def decision_of(account: str) -> GateDecision:
    """Returns a decision with one criterion that is not met."""
    criterion = {
        "level": "LIMITED_LIVE", "criterion": "days_traded", "value": 3, "threshold": ">= 20", "passed": False,
        "detail": "", "query": "gate_strategies", "window": "all",
    }  # fmt: skip
    return GateDecision(
        decision_id=f"d-{account}",
        strategy_id=f"strategy-{account}",
        kind=GateDecisionKind.EVALUATED,
        level=TradingLevel.PAPER_ONLY,
        criteria=json.dumps([criterion]),
        criteria_sha256="0" * 64,
        evidence_sha256="0" * 64,
        actor=None,
        reason=None,
        expires_ts=None,
        ts=builders.START,
        account_id=account,
    )


def test_the_replays_page_maps_a_sweep_and_overlays_curves(browser: Browser, service: Service, account: str) -> None:
    buy(service, account, "w-1")
    with connect(service.settings) as client:
        service.until(lambda: client.query(EQUITIES, {"account_id": account}).result_rows[0][0], bool)
        for name, scale in ((f"{account}-a", "0.5"), (f"{account}-b", "2")):
            what_if = json.dumps({"orders": {"scale": scale}})
            client.command(COPIED, {"account_id": account, "run_id": name})
            client.command(REGISTERED, {"run_id": name, "what_if": what_if})
    reader = signed_in(browser, service, "rita", KeyRole.READER)
    reader.open(f"replays?account={account}&run={account}-a&run={account}-b")
    expect(reader.page.get_by_role("heading", name=f"Sweep {account}")).to_be_visible()
    expect(reader.page.locator(".map").last).to_contain_text("0.5")
    reader.await_drawn()
    assert reader.serious_faults() == []
    reader.keep_shots("replays")
    reader.demand_clean()
    reader.close()
    curves = f"{service.root}/console/replays/curves?account={account}&run={account}-a"
    (curve,) = session_of(service, "rita", KeyRole.READER).get(curves, timeout=AWAIT_S).json()
    assert (curve["name"], len(curve["points"]) > 0) == (f"{account}-a", True)
    assert session_of(service, account).get(curves, timeout=AWAIT_S).status_code == 403


def session_of(service: Service, name: str, role: KeyRole = KeyRole.TRADER) -> requests.Session:
    """Returns a session of a program that has signed in."""
    key, secret = ApiKeys(service.settings).make(name, role)
    session = requests.Session()
    form = {"key": key, "secret": secret}
    answer = session.post(f"{service.root}/console/sign-in", data=form, timeout=AWAIT_S, allow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    return session


def test_a_trader_sees_no_dead_letters_of_others(service: Service) -> None:
    for role, sees in ((KeyRole.TRADER, False), (KeyRole.READER, True)):
        shown = session_of(service, "tina", role).get(f"{service.root}/console/health/live", timeout=AWAIT_S).text
        assert ("Dead letters" in shown) == sees


def test_no_page_is_shown_without_a_session_and_none_of_another_account(service: Service, account: str) -> None:
    console = f"{service.root}/console"
    for page in ("desk", "market", "order?account=a&order=b", "health", "changes"):
        answer = requests.get(f"{console}/{page}", timeout=AWAIT_S, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/console/sign-in")
    wrong = requests.post(f"{console}/sign-in", data={"key": "PKNONE", "secret": "x"}, timeout=AWAIT_S)
    assert wrong.status_code == 401
    stranger = session_of(service, "stranger")
    for page in (f"desk?account={account}", f"order?account={account}&order=x", f"desk/live?account={account}"):
        assert stranger.get(f"{console}/{page}", timeout=AWAIT_S).status_code == 404


def test_a_change_needs_the_token_of_its_session(service: Service, account: str) -> None:
    trader, other = session_of(service, account), session_of(service, "other")
    address = f"{service.root}/console/desk/cancel-all?account={account}"
    assert trader.post(address, timeout=AWAIT_S).status_code == 403
    assert trader.post(address, headers={"X-CSRF-Token": token_of(service, other)}, timeout=AWAIT_S).status_code == 403
    assert trader.post(address, headers={"X-CSRF-Token": token_of(service, trader)}, timeout=AWAIT_S).status_code == 200


def token_of(service: Service, session: requests.Session) -> str:
    """Returns the token that a page of the session carries."""
    found = re.search(
        r'"X-CSRF-Token": "([0-9a-f]+)"', session.get(f"{service.root}/console/desk", timeout=AWAIT_S).text
    )
    assert found is not None
    return found[1]


def test_a_reader_changes_nothing_and_an_operator_sends_no_orders(service: Service, account: str) -> None:
    orders = ("submit", "cancel", "cancel-all", "flatten")
    for role, refused in ((KeyRole.READER, (*orders, "kill", "resume")), (KeyRole.OPERATOR, orders)):
        person = session_of(service, "rita", role)
        token = {"X-CSRF-Token": token_of(service, person)}
        for change in refused:
            address = f"{service.root}/console/desk/{change}?account={account}"
            assert person.post(address, headers=token, timeout=AWAIT_S).status_code == 403, change


def test_the_policy_lets_nothing_come_from_elsewhere(service: Service) -> None:
    answer = requests.get(f"{service.root}/console/sign-in", timeout=AWAIT_S)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert re.findall(r"<script(?![^>]* src=)", answer.text) == []
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_revoked_key_ends_its_session_at_once(browser: Browser, service: Service, account: str) -> None:
    keys = ApiKeys(service.settings)
    key = keys.make(account)
    trader = Visit(browser, service.root)
    trader.sign_in(*key)
    keys.revoke(key[0])
    trader.page.reload()
    expect(trader.page.get_by_role("heading", name="Sign in")).to_be_visible()
    trader.close()
