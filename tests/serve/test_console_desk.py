"""Tests of the console's desk in a real browser, over a real pipeline."""

from __future__ import annotations

import re
from itertools import product

from playwright.sync_api import Browser, Dialog, expect

from schemas.records.enums import Liquidity, Side
from schemas.records.messages import Fill
from streams.serve.api_keys import ApiKeys, KeyRole
from streams.serve.console.desk_page import TAPE
from tests import builders, stacks
from tests.serve.conftest import SYMBOL, Service
from tests.serve.console_browser import HEIGHT, THEMES, WIDTHS, Visit, await_fill, await_flat, signed_in
from tests.serve.cut_line import line_to

RECONNECTS_MS = 20_000
FILLS, FLUSHED = 10_000, 1_000
COUNTED_MS = 60_000
"""Longest time until the service has read the fills, and the page shows their number."""


def test_the_ticket_places_an_order_that_is_filled_and_seen(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    page = trader.page
    page.get_by_label("Instrument").select_option(SYMBOL)
    page.get_by_label("Type").select_option("MARKET")
    expect(page.get_by_label("Limit price")).to_be_hidden()
    page.get_by_label("Quantity", exact=True).fill("10")
    page.get_by_role("button", name="Buy", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Order sent")
    await_fill(service, page)
    expect(page.locator("#tape")).to_contain_text(SYMBOL)
    expect(page.locator("#tape")).to_contain_text("USD")
    expect(page.locator("#positions")).to_contain_text("long 10")
    expect(page.locator("#tiles")).to_contain_text("Equity")
    trader.demand_clean()
    trader.close()


def test_a_working_order_is_canceled_with_the_keyboard_alone(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    page = trader.page
    page.get_by_label("Instrument").focus()
    page.keyboard.type(SYMBOL)
    page.keyboard.press("Tab")
    page.keyboard.type("single")
    page.keyboard.press("Tab")
    page.keyboard.type("limit")
    page.keyboard.press("Tab")
    page.keyboard.type("7")
    page.keyboard.press("Tab")
    page.keyboard.type("40")
    page.keyboard.press("Enter")
    expect(page.locator("#working")).to_contain_text("40")
    cancel = page.get_by_role("button", name=re.compile("^Cancel buy 7"))
    cancel.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#working")).to_be_hidden()
    trader.demand_clean()
    trader.close()


def test_a_refusal_names_its_control_and_its_numbers(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    page = trader.page
    page.get_by_label("Instrument").select_option(SYMBOL)
    page.get_by_label("Quantity", exact=True).fill("1000000")
    page.get_by_label("Limit price").fill("40")
    page.get_by_role("button", name="Buy", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Refused")
    expect(page.locator("#said")).to_contain_text(re.compile(r"[\d,]{4,}"))
    expect(page.locator("#events")).to_contain_text(re.compile(r"limit [\d.]+, observed [\d.]+"))
    page.get_by_label("Quantity", exact=True).fill("many")
    page.get_by_role("button", name="Buy", exact=True).click()
    expect(page.locator("#said")).to_contain_text("is not a number")
    trader.demand_clean()
    trader.close()


def test_an_operator_kills_flattens_and_resumes_with_a_reason(browser: Browser, service: Service, account: str) -> None:
    service.desk.send("orders", account, builders.new("k-1", symbol=SYMBOL, account=account))
    service.desk.flush()
    operator = signed_in(browser, service, "olga", KeyRole.OPERATOR)
    page = operator.page
    operator.open(f"desk?account={account}")
    asked: list[str] = []

    def confirm(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", confirm)
    await_fill(service, page)
    page.get_by_label("Reason").fill("too fast")
    page.get_by_role("button", name="Kill", exact=True).click()
    expect(page.locator("#state")).to_have_text("Killed")
    expect(page.locator("#events")).to_contain_text("olga: too fast")
    page.get_by_label("Reason").fill("all is well")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#state")).to_have_text("Active")
    expect(page.locator("#positions")).to_contain_text("long 10")
    page.get_by_label("Reason").fill("out of bounds")
    page.get_by_role("button", name="Kill and flatten").click()
    expect(page.locator("#state")).to_have_text("Killed")
    await_flat(service, page)
    expect(page.locator("#events")).to_contain_text("olga: out of bounds")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#state")).to_have_text("Active")
    assert [text.split()[0] for text in asked] == ["Kill", "Let", "Kill", "Let"]
    expect(page.get_by_role("button", name="Buy", exact=True)).to_have_count(0)
    operator.demand_clean()
    operator.close()


def test_the_page_comes_back_after_its_line_was_cut(browser: Browser, service: Service, account: str) -> None:
    with line_to(int(service.root.rpartition(":")[2]), stacks.free_port()) as line:
        trader = Visit(browser, f"http://127.0.0.1:{line.port}")
        trader.sign_in(*ApiKeys(service.settings).make(account))
        page = trader.page
        expect(page.locator("#link")).to_have_text("live")
        line.cut()
        expect(page.locator("#link")).to_have_text("not connected")
        service.desk.send("orders", account, builders.new("unseen", price="40", symbol=SYMBOL, account=account))
        service.desk.flush()
        line.mend()
        expect(page.locator("#link")).to_have_text("live", timeout=RECONNECTS_MS)
        expect(page.locator("#working")).to_contain_text("40")
        trader.close()


def test_the_desk_is_accessible_light_and_dark_at_both_widths(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    trader.await_drawn()
    trader.keep_shots("desk")
    for width, theme in product(WIDTHS, THEMES):
        trader.page.set_viewport_size({"width": width, "height": HEIGHT})
        trader.page.emulate_media(color_scheme=theme)
        assert trader.serious_faults() == [], f"{width} {theme}"
    trader.demand_clean()
    trader.close()


def test_ten_thousand_fills_are_counted_and_the_newest_are_shown(
    browser: Browser, service: Service, account: str
) -> None:
    trader = signed_in(browser, service, account)
    tape = trader.page.locator("#tape tbody tr")
    for number in range(FILLS):
        service.desk.send("fills", account, booked(account, f"{account}-{number}"))
        if number % FLUSHED == 0:
            service.desk.flush()
    service.desk.flush()
    expect(trader.page.get_by_role("heading", name="Fills 10,000")).to_be_visible(timeout=COUNTED_MS)
    expect(tape).to_have_count(TAPE)
    trader.demand_clean()
    trader.close()


def booked(account: str, exec_id: str) -> Fill:
    """Returns a fill that a shard has booked."""
    return Fill(
        exec_id=exec_id,
        order_id=f"order-{exec_id}",
        account_id=account,
        session_id="session-1",
        strategy_id=None,
        symbol=SYMBOL,
        side=Side.BUY,
        quantity=builders.px("1"),
        price=builders.px("50.02"),
        notional=builders.money("50.02"),
        commission=0,
        currency="USD",
        liquidity=Liquidity.REMOVED,
        realised_pnl=0,
        position_qty=builders.px("1"),
        position_avg_px=builders.px("50.02"),
        cash=builders.money("1000"),
        simulator=None,
        bid_px=None,
        bid_sz=None,
        ask_px=None,
        ask_sz=None,
        quote_ts=None,
        ts=builders.START,
    )
