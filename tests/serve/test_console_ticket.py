"""Tests of the console's order ticket in a real browser, over a real pipeline."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Dialog, Page, expect

from tests import builders
from tests.serve.conftest import SYMBOL, Service
from tests.serve.console_browser import await_fill, await_flat, signed_in

FIELDS = {
    "LIMIT": {"price", "display_quantity", "post_only"},
    "MARKET": set(),
    "STOP": {"stop_price"},
    "STOP_LIMIT": {"price", "stop_price"},
    "TRAILING_STOP": {"stop_price", "trailing_offset", "trailing_type"},
    "MARKET_IF_TOUCHED": {"stop_price"},
}
"""The fields that a type of order has beside the common ones."""
COMMON = {"symbol", "order_class", "quantity", "time_in_force"}
EXITS = {"take_profit", "stop_loss", "stop_loss_limit"}
NANOS_AFTER_START = 10_000 * builders.SECOND


def shown_fields(page: Page) -> set[str]:
    """Returns the names of the fields that are shown, but those that every order has."""
    shown = page.locator("#ticket :is(input, select):visible").evaluate_all("fields => fields.map(field => field.name)")
    assert set(shown) >= COMMON
    return set(shown) - COMMON


def fill(page: Page, **fields: str) -> None:
    """Fills in the ticket by the names of its fields."""
    ticket = page.locator("#ticket")
    for name, value in {"symbol": SYMBOL, **fields}.items():
        field = ticket.locator(f"[name={name}]")
        if field.evaluate("field => field.matches('select')"):
            field.select_option(value)
        else:
            field.fill(value)


def send(page: Page, side: str = "Buy") -> dict[str, Any]:
    """Sends the ticket and returns what the browser sent, once the page says what became of it."""
    with page.expect_response("**/desk/submit*") as answered:
        page.get_by_role("button", name=side, exact=True).click()
    sent = answered.value.request.post_data_json
    expect(page.locator("#said")).to_contain_text(re.compile("Order sent|Refused|Invalid"))
    assert isinstance(sent, dict)
    return sent


def test_the_ticket_shows_the_fields_of_its_order_alone(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    page = trader.page
    for kind, names in FIELDS.items():
        fill(page, order_type=kind)
        assert shown_fields(page) == {*names, "order_type", "reduce_only"}, kind
    fill(page, order_type="LIMIT", time_in_force="IOC")
    assert shown_fields(page) == {"price", "order_type", "reduce_only"}
    fill(page, order_class="oco")
    expect(page.get_by_label("Time in force")).to_have_value("DAY")
    assert shown_fields(page) == EXITS
    fill(page, order_class="bracket", order_type="MARKET", time_in_force="GTD")
    assert shown_fields(page) == {*EXITS, "order_type", "expires"}
    trader.keep_shots("ticket")
    assert trader.serious_faults() == []
    trader.demand_clean()
    trader.close()


def test_a_bracket_good_till_a_date_is_sent_with_the_keyboard_alone(
    browser: Browser, service: Service, account: str
) -> None:
    trader = signed_in(browser, service, account)
    page = trader.page
    page.get_by_label("Instrument").focus()
    for text in (SYMBOL, "bracket", "limit", "7", "45", "60", "40", "39.5", "GTD"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    # The browser is in New York, five hours behind UTC.
    page.keyboard.type("11142023")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("080000PM")
    page.get_by_label("Quantity", exact=True).focus()
    page.keyboard.press("Enter")
    working = page.locator("#working tbody tr")
    expect(working).to_have_count(3)
    for words in ("limit.*buy.*7.*45", "limit.*sell.*7.*60", "stop limit.*sell.*7.*39.5"):
        expect(working.filter(has_text=re.compile(words))).to_have_count(1)
    sent = [order for order in service.desk.read("orders") if order.account_id == account]
    assert [order.expire_ts for order in sent] == [builders.START + NANOS_AFTER_START] * 3
    trader.demand_clean()
    trader.close()


def test_a_stop_is_triggered_and_a_trailing_stop_works(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    page = trader.page
    fill(page, order_type="LIMIT", quantity="5", price="45")
    fill(page, order_type="STOP", stop_price="50.03")
    sent = send(page)
    assert sent["stop_price"] == "50.03"
    assert "price" not in sent
    await_fill(service, page)
    fill(page, order_type="TRAILING_STOP", stop_price="", trailing_offset="5", trailing_type="PERCENT")
    assert send(page, "Sell")["trailing_offset"] == "5"
    working = page.locator("#working tbody tr")
    expect(working).to_have_count(1)
    expect(working).to_contain_text("trailing stop")
    trader.demand_clean()
    trader.close()


def test_a_refused_leg_is_said_with_what_works_in_spite_of_it(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    page = trader.page
    fill(page, order_class="oto", quantity="5", price="44", take_profit="60.005", stop_loss="40")
    send(page)
    expect(page.locator("#said")).to_contain_text("an oto order needs either take profit or stop loss")
    fill(page, stop_loss="")
    send(page)
    expect(page.locator("#said")).to_contain_text(
        re.compile("Refused.*-tp: .*60.005 is not a positive multiple.*: new")
    )
    expect(page.locator("#working tbody tr")).to_have_count(1)
    trader.demand_clean()
    trader.close()


def test_a_trader_cancels_all_orders_and_flattens(browser: Browser, service: Service, account: str) -> None:
    trader = signed_in(browser, service, account)
    page = trader.page
    asked: list[str] = []

    def confirm(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", confirm)
    fill(page, order_class="oco", quantity="3", take_profit="60", stop_loss="40")
    send(page, "Sell")
    working = page.locator("#working tbody tr")
    expect(working).to_have_count(2)
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator("#said")).to_contain_text("2 orders are being canceled")
    expect(page.locator("#working")).to_be_hidden()
    fill(page, order_class="simple", order_type="MARKET", quantity="3")
    send(page)
    await_fill(service, page)
    expect(page.locator("#positions")).to_contain_text("long 3")
    page.get_by_role("button", name="Flatten", exact=True).click()
    expect(page.locator("#said")).to_contain_text("1 positions are being closed")
    await_flat(service, page)
    assert [text.split()[:2] for text in asked] == [["Cancel", "all"], ["Cancel", "all"]]
    trader.demand_clean()
    trader.close()
