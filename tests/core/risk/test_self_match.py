"""Self-match prevention: which orders of an account would trade with each other, and which is canceled."""

from __future__ import annotations

import pytest

from schemas.records.enums import Action, OrderType, Side
from schemas.records.messages import ApprovedOrder, OrderRequest
from schemas.records.output import Message
from tests.builders import cancel, config, limits, new, px, quote, replace
from tests.core.desk import Desk, answer, last, of, ready, trail

BUY, SELL = Side.BUY, Side.SELL
REFUSED = "SELF_MATCH"
WIDE = ("9.90", "10.10")
"""A market in which an order may rest between bid and ask."""


def desk_of(mode: str, *resting: Message) -> Desk:
    """A wide market in which these orders rest."""
    desk = ready(config(limits=limits(self_match=mode)))
    desk.send(quote(*WIDE), *resting)
    return desk


def stop(order_id: str, side: Side, price: str) -> OrderRequest:
    return new(order_id, side, order_type=OrderType.STOP, stop_price=px(price))


BY_THE_OLD_RULE = [
    pytest.param(new("w", SELL, price="10.05"), new("o", BUY, price="10.04"), False, id="below the offer"),
    pytest.param(new("w", SELL, price="10.05"), new("o", BUY, price="10.05"), True, id="at the offer"),
    pytest.param(new("w", SELL, price="10.05"), new("o", BUY, price="10.06"), True, id="above the offer"),
    pytest.param(new("w", BUY, price="9.98"), new("o", SELL, price="9.99"), False, id="above the bid"),
    pytest.param(new("w", BUY, price="9.98"), new("o", SELL, price="9.98"), True, id="at the bid"),
    pytest.param(new("w", BUY, price="9.98"), new("o", SELL, price="9.97"), True, id="below the bid"),
    pytest.param(new("w", SELL, price="99.00"), new("o", BUY), True, id="market order, any offer"),
    pytest.param(new("w", BUY, price="0.01"), new("o", SELL), True, id="market order, any bid"),
    pytest.param(new("w", BUY, price="9.98"), new("o", BUY), False, id="the same side"),
    pytest.param(new("w", SELL, price="10.05", symbol="XYZ"), new("o", BUY), False, id="another instrument"),
    pytest.param(stop("w", SELL, "9.50"), new("o", BUY, price="10.02"), False, id="a stop rests outside the book"),
    pytest.param(new("w", SELL, price="10.05"), stop("o", BUY, "10.10"), False, id="a stop does not trade on arrival"),
]


MEETINGS = [
    pytest.param(WIDE, new("w", SELL, price="10.05"), new("o", BUY, price="10.04"), False, id="below the offer"),
    pytest.param(WIDE, new("w", SELL, price="10.05"), new("o", BUY, price="10.05"), True, id="at the offer"),
    pytest.param(WIDE, new("w", SELL, price="10.05"), new("o", BUY, price="10.50"), True, id="above the offer"),
    pytest.param(WIDE, new("w", BUY, price="9.95"), new("o", SELL, price="9.96"), False, id="above the bid"),
    pytest.param(WIDE, new("w", BUY, price="9.95"), new("o", SELL, price="9.95"), True, id="at the bid"),
    pytest.param(WIDE, new("w", BUY, price="9.95"), new("o", SELL, price="9.00"), True, id="below the bid"),
    pytest.param(WIDE, new("w", SELL, price="10.09"), new("o", BUY), True, id="before the market's ask"),
    pytest.param(WIDE, new("w", SELL, price="10.10"), new("o", BUY), True, id="at the market's ask"),
    pytest.param(WIDE, new("w", SELL, price="10.11"), new("o", BUY), False, id="behind the market's ask"),
    pytest.param(WIDE, new("w", SELL, price="10.11"), new("o", BUY, price="10.20"), False, id="a limit order, behind"),
    pytest.param(WIDE, new("w", BUY, price="9.91"), new("o", SELL), True, id="before the market's bid"),
    pytest.param(WIDE, new("w", BUY, price="9.90"), new("o", SELL), True, id="at the market's bid"),
    pytest.param(WIDE, new("w", BUY, price="9.89"), new("o", SELL), False, id="behind the market's bid"),
    pytest.param(("50.90", "50.92"), new("w", BUY, price="49.00"), new("o", SELL), False, id="far behind the bid"),
    pytest.param(WIDE, new("w", BUY, price="9.95"), new("o", BUY), False, id="the same side"),
    pytest.param(WIDE, new("w", SELL, price="10.05", symbol="XYZ"), new("o", BUY), False, id="another instrument"),
    pytest.param(
        WIDE, new("w", SELL, price="10.05"), stop("o", BUY, "10.15"), False, id="a stop does not trade at once"
    ),
]


@pytest.mark.parametrize(("market", "resting", "incoming", "meets"), MEETINGS)
def test_orders_meet_before_or_at_the_best_price_of_the_market(
    market: tuple[str, str], resting: OrderRequest, incoming: OrderRequest, meets: bool
) -> None:
    desk = desk_of("cancel_newest", quote(*market), resting)
    found = answer(desk, incoming)
    assert (found[0] if found else None) == (REFUSED if meets else None)
    assert "w" in desk.account().ledger.working


@pytest.mark.parametrize("side", [BUY, SELL])
def test_without_a_quote_on_its_side_an_order_meets_whatever_its_price_reaches(side: Side) -> None:
    one_sided = quote(ask_sz="0") if side is BUY else quote(bid_sz="0")
    resting = new("w", SELL, price="10.50") if side is BUY else new("w", BUY, price="9.50")
    desk = desk_of("cancel_newest", resting, one_sided)
    assert answer(desk, new("o", side)) is not None


def test_the_result_of_a_prevented_match_says_so() -> None:
    desk = desk_of("cancel_oldest", new("w", BUY, price="9.95"))
    desk.send(new("o", SELL))
    result = last(desk, "w")
    assert (result.exec_type, result.reason_code, result.request_id) == ("CANCELED", REFUSED, "o:w")
    assert result.text == "order w: it would have traded with order o of its own account"
    (report,) = (item for item in desk.executions if item.exec_type == "CANCELED")
    assert (report.reason_code, report.text) == (result.reason_code, result.text)


@pytest.mark.parametrize("parent", [None, "o"])
def test_a_cancel_of_the_client_is_none_of_self_match(parent: str | None) -> None:
    asked = cancel("o:w", "w")._replace(parent_order_id=parent)
    desk = desk_of("cancel_oldest", new("w", BUY, price="9.95"), asked)
    assert last(desk, "w").reason_code == "CANCEL_REQUESTED"


@pytest.mark.parametrize(("resting", "incoming", "meets"), BY_THE_OLD_RULE)
def test_a_journal_from_before_this_rule_is_replayed_by_the_old_one(
    resting: OrderRequest, incoming: OrderRequest, meets: bool
) -> None:
    desk = ready(config(limits=limits(self_match="cancel_newest"), self_match_at_market=False))
    desk.send(resting)
    found = answer(desk, incoming)
    assert (found[0] if found else None) == (REFUSED if meets else None)
    assert "w" in desk.account().ledger.working


def test_what_counts_is_the_price_that_a_replace_gave() -> None:
    desk = desk_of("cancel_newest", new("w", SELL, price="10.05"), replace("r", "w", price="10.03"))
    assert answer(desk, new("o", BUY, price="10.02")) is None
    assert answer(desk, new("o2", BUY, price="10.03")) == (REFUSED, "10.03", "10.03")


def test_the_newest_goes() -> None:
    desk = desk_of("cancel_newest", new("w", SELL, price="10.05"))
    assert answer(desk, new("o", BUY, price="10.07")) == (REFUSED, "10.05", "10.07")
    assert trail(desk.results, "w") == ["NEW/NEW"]


def test_the_oldest_goes_before_the_newest_comes() -> None:
    resting = (new("w1", SELL, price="10.05"), new("w2", SELL, price="10.06"), new("w3", SELL, price="10.08"))
    desk = desk_of("cancel_oldest", *resting)
    approved = of(ApprovedOrder, desk.send(new("o", BUY, price="10.07")))
    assert [(item.action, item.order_id, item.orig_order_id) for item in approved] == [
        (Action.CANCEL, "o:w1", "w1"),
        (Action.CANCEL, "o:w2", "w2"),
        (Action.NEW, "o", None),
    ]
    assert list(desk.account().ledger.working) == ["w3", "o"]


def test_both_go() -> None:
    desk = desk_of("cancel_both", new("w", SELL, price="10.05"))
    desk.send(new("o", BUY, price="10.05"))
    assert desk.account().ledger.working == {}
    assert trail(desk.results, "w") == ["NEW/NEW", "CANCELED/CANCELED"]
    assert trail(desk.results, "o") == ["REJECTED/REJECTED"]


def test_nothing_is_canceled_for_an_order_that_another_control_refuses() -> None:
    desk = desk_of("cancel_oldest", new("w", SELL, price="10.05"))
    assert answer(desk, new("o", BUY, "900000", "10.05")) is not None
    assert list(desk.account().ledger.working) == ["w"]


def test_a_replace_meets_by_its_new_price() -> None:
    desk = desk_of("cancel_newest", new("w", SELL, price="10.05"), new("b", BUY, price="9.90"))
    assert answer(desk, replace("r1", "b", price="10.05")) == (REFUSED, "10.05", "10.05")
    assert answer(desk, replace("r2", "b", price="9.95")) is None
    desk = desk_of("cancel_oldest", new("w", SELL, price="10.05"), new("b", BUY, price="9.90"))
    desk.send(replace("r1", "b", price="10.05"))
    assert trail(desk.results, "w") == ["NEW/NEW", "CANCELED/CANCELED"]
    assert "REPLACED/NEW" in trail(desk.results, "b")


def test_a_stop_limit_is_in_the_book_once_it_has_triggered() -> None:
    waits = new("w", SELL, price="9.95", order_type=OrderType.STOP_LIMIT, stop_price=px("9.50"))
    desk = desk_of("cancel_newest", waits)
    assert answer(desk, new("o1", BUY, price="9.96")) is None
    desk.send(quote("9.40", "9.97"))
    assert desk.account().ledger.working["w"].triggered
    desk.restart()
    assert answer(desk, new("o2", BUY, price="9.96")) == (REFUSED, "9.95", "9.96")


def test_a_child_that_waits_is_not_in_the_book() -> None:
    desk = desk_of("cancel_newest", new("parent", BUY, price="9.50"))
    desk.send(new("child", SELL, price="9.60", parent_order_id="parent"))
    assert answer(desk, new("o", BUY, price="9.70")) is None
    desk.send(quote("9.40", "9.80"))
    assert answer(desk, new("second", SELL, price="9.60", parent_order_id="parent")) is None
    assert answer(desk, new("s", SELL, price="9.60")) == (REFUSED, "9.7", "9.6")
