"""Account and execution shard agree with the slow model in every interleaving that Hypothesis finds."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schemas.records.enums import Action, ControlKind, Side, TimeInForce, TradingState
from schemas.records.messages import ApprovedOrder, ExecutionReport, OrderRequest, OrderResult
from schemas.records.numbers import price_text
from schemas.records.output import Output
from tests.builders import (
    MS,
    PROPERTY,
    START,
    cancel,
    cents,
    config,
    control,
    fee,
    instrument,
    limits,
    money,
    new,
    opening,
    px,
    quote,
    replace,
    state_of_trading,
)
from tests.core.desk import Desk, of
from tests.core.slow_model import Ask, Book, Ledger, VenueEvent

POSITION_MOST = 60
CORE = config(
    instruments=(instrument(fee=fee(maker="0.001", taker="0.002")),), limits=limits(max_position=str(POSITION_MOST))
)
PRICES = st.none() | st.integers(997, 1003)
QUANTITIES = st.integers(1, 40)
SIDES = st.sampled_from(("BUY", "SELL"))


def price_of(count: int | None) -> str | None:
    return None if count is None else price_text(cents(count))


class Pair(RuleBasedStateMachine):
    """Each rule acts on the shards and on the model, and compares the answers."""

    @initialize()
    def opens(self) -> None:
        self.desk = Desk(CORE)
        self.desk.send(opening(), quote("10.00", "10.01", bid_sz="20", ask_sz="20"))
        self.desk.hold = True
        self.book, self.ledger = Book(), Ledger(POSITION_MOST)
        self.book.quote(1000, 20, 1001, 20)
        self.way: list[Ask] = []
        self.sessions = 1
        self.number = 0
        self.now = START
        self.sent: dict[str, OrderRequest] = {}

    def next_id(self) -> str:
        self.number += 1
        return f"o{self.number}"

    @rule(
        bid=st.integers(996, 1003), spread=st.integers(0, 3), bid_size=st.integers(0, 30), ask_size=st.integers(0, 30)
    )
    def market_moves(self, bid: int, spread: int, bid_size: int, ask_size: int) -> None:
        self.now += MS
        prices = [price_text(cents(count)) for count in (bid, bid + spread)]
        self.desk.send(quote(prices[0], prices[1], str(bid_size), str(ask_size), at=self.now))
        self.book.quote(bid, bid_size, bid + spread, ask_size)

    @rule(side=SIDES, quantity=QUANTITIES, price=PRICES, tif=st.sampled_from(("GTC", "GTC", "DAY", "IOC", "FOK")))
    def order(self, side: str, quantity: int, price: int | None, tif: str) -> None:
        name = self.next_id()
        request = self.sent[name] = new(name, Side(side), str(quantity), price_of(price), tif=TimeInForce(tif))
        refusal = self.ledger.refusal(side, quantity) if self.ledger.open else "UNKNOWN_ACCOUNT"
        self.ask(Ask("NEW", name, None, side, quantity, price, tif), self.desk.send(request), refusal)

    @rule(side=SIDES, quantity=QUANTITIES, price=PRICES)
    def orders_in_peace(self, side: str, quantity: int, price: int | None) -> None:
        """Sends two orders that trade with each other."""
        self.order(side, quantity, price, "GTC")
        self.order("SELL" if side == "BUY" else "BUY", quantity, price, "DAY")
        self.everything_arrives()

    @precondition(lambda self: self.ledger.asked)
    @rule(data=st.data())
    def same_id_again(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from([ask.order_id for ask in self.ledger.asked]))
        outputs = self.desk.send(new(known, Side.BUY, "99"))
        assert [item.reason_code for item in of(OrderResult, outputs)] == ["DUPLICATE_ORDER_ID"]
        assert not of(ApprovedOrder, outputs)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def identical_request_again(self, data: st.DataObject) -> None:
        """The first answer comes again: the first result about the request."""
        request = self.sent[data.draw(st.sampled_from(sorted(self.sent)))]
        about = [
            item for item in self.desk.results if not item.poss_resend and item.reason_code != "DUPLICATE_ORDER_ID"
        ]
        firsts = [item for item in about if (item.request_id or item.order_id) == request.order_id]
        outputs = self.desk.send(request)
        assert [item.message for item in outputs] == [
            first._replace(result_id=outputs[0].message[0], ts=self.now_at_accounts(), poss_resend=True, terminal=False)
            for first in firsts[:1]
        ]

    def now_at_accounts(self) -> int:
        return self.desk.accounts.time_ns

    @precondition(lambda self: self.ledger.asked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        target, name = self.target(data), self.next_id()
        self.sent[name] = cancel(name, target)
        outputs = self.desk.send(self.sent[name])
        self.ask(Ask("CANCEL", name, target, "", None, None, ""), outputs, self.wrong_target(target))

    @precondition(lambda self: self.ledger.asked)
    @rule(data=st.data(), quantity=st.none() | QUANTITIES, price=PRICES)
    def replace(self, data: st.DataObject, quantity: int | None, price: int | None) -> None:
        target, name = self.target(data), self.next_id()
        order = self.ledger.order(target)
        quantity_after = order.quantity if quantity is None else quantity
        price = price if order.price is not None else None
        refusal = self.wrong_target(target)
        if refusal is None and self.ledger.pending(target):
            refusal = "PENDING_REPLACE"
        assert quantity_after is not None
        assert order.quantity is not None
        if refusal is None:
            refusal = self.ledger.refusal(order.side, max(quantity_after - order.quantity, 0))
        changed = None if quantity is None else str(quantity)
        outputs = self.desk.send(self.sent.setdefault(name, replace(name, target, changed, price_of(price))))
        kept = order.price if price is None else price
        self.ask(Ask("REPLACE", name, target, order.side, quantity_after, kept, ""), outputs, refusal)

    def target(self, data: st.DataObject) -> str:
        names = [ask.order_id for ask in self.ledger.asked if ask.action == "NEW"]
        return data.draw(st.sampled_from(names[-4:]))

    def wrong_target(self, target: str) -> str | None:
        if not self.ledger.open:
            return "UNKNOWN_ACCOUNT"
        return None if target in self.ledger.working() else "TOO_LATE_TO_CANCEL"

    def ask(self, ask: Ask, outputs: list[Output], refusal: str | None) -> None:
        """Compares the risk side's answer, and passes the request on in the model."""
        assert [item.reason_code for item in of(OrderResult, outputs)] == ([refusal] if refusal else [])
        assert bool(of(ApprovedOrder, outputs)) is (refusal is None)
        if refusal is None:
            self.ledger.asked.append(ask)
            self.way.append(ask)

    @precondition(lambda self: self.way)
    @rule()
    def venue_takes(self) -> None:
        self.desk.deliver_to_venue()
        self.book.arrive(self.way.pop(0))

    @precondition(lambda self: self.desk.to_accounts)
    @rule()
    def account_hears(self) -> None:
        if isinstance(self.desk.to_accounts[0], ExecutionReport):
            self.ledger.heard.append(self.book.events[len(self.ledger.heard)])
        self.desk.deliver_to_accounts()

    @rule()
    def everything_arrives(self) -> None:
        while self.way or self.desk.to_accounts:
            if self.way:
                self.venue_takes()
            else:
                self.account_hears()

    @rule(state=st.sampled_from(("ACTIVE", "ACTIVE", "ACTIVE", "REDUCING", "HALTED")))
    def trading_state(self, state: str) -> None:
        self.desk.send(state_of_trading(TradingState(state)))
        self.ledger.state = state

    @precondition(lambda self: self.ledger.open and self.ledger.fills() and self.ledger.position() == 0)
    @rule()
    def session_turns(self) -> None:
        """Closes the session and opens it again, unless an order on its way has filled."""
        self.session_closes()
        self.everything_arrives()
        self.session_opens()

    @precondition(lambda self: self.number > 25)
    @rule()
    def session_closes(self) -> None:
        closing = control(ControlKind.SESSION_CLOSE, control_id=f"close-{self.next_id()}")
        outputs = self.desk.send(closing)
        cancels = [(item.action, item.orig_order_id) for item in of(ApprovedOrder, outputs)]
        working = self.ledger.working() if self.ledger.open else []
        assert cancels == [(Action.CANCEL, name) for name in working]
        for name in working:
            self.way.append(Ask("CANCEL", f"{closing.control_id}:{name}", name, "", None, None, ""))
        self.ledger.open = False

    @precondition(lambda self: self.ledger.open and self.ledger.position() and not self.way)
    @rule()
    def position_closes(self) -> None:
        """Sends a market order of the other side, if the quote and the limits allow it."""
        held = self.ledger.position()
        self.market_moves(1000, 1, 30, 30)
        self.everything_arrives()
        self.order("SELL" if held > 0 else "BUY", abs(held), None, "IOC")
        self.everything_arrives()

    @precondition(lambda self: not self.ledger.open)
    @rule()
    def session_opens(self) -> None:
        self.sessions += 1
        may = not self.ledger.working() and self.ledger.position() == 0
        self.desk.send(opening(session=f"session-{self.sessions}"))
        assert self.desk.account().session_open is may
        if may:
            self.ledger.open = True
            self.ledger.since = len(self.ledger.heard)

    @rule()
    def both_restart(self) -> None:
        self.desk.restart()

    @invariant()
    def venue_agrees(self) -> None:
        told = [as_told(report) for report in self.desk.executions]
        assert told == self.book.events

    @invariant()
    def account_agrees(self) -> None:
        account, ledger = self.desk.account(), self.ledger
        assert list(account.ledger.working) == ledger.working()
        for side in ("BUY", "SELL"):
            assert account.ledger.working_leaves("ABC", Side(side)) == px(ledger.open_quantity(side))
        assert account.ledger.position_quantity("ABC") == px(ledger.position())
        fees = sum(fill.commission for fill in self.desk.fills if fill.session_id == account.session_id)
        flow = sum(quantity * price for quantity, price in ledger.fills()) * money("0.01")
        assert account.ledger.cash == money("1000000") - flow - fees
        held = account.ledger.positions.get("ABC")
        realised = Fraction(held.gross_realised if held else 0)
        assert abs(realised - ledger.realised() * money("0.01")) <= len(ledger.fills())

    @invariant()
    def one_end_each(self) -> None:
        ends = [result.order_id for result in self.desk.results if result.terminal and result.source == "EXECUTION"]
        assert len(ends) == len(set(ends))
        times = [report.ts for report in self.desk.executions]
        assert all(before <= after for before, after in pairwise(times))


def as_told(report: ExecutionReport) -> VenueEvent:
    """A report in the model's words."""
    return VenueEvent(
        report.order_id,
        report.exec_type,
        report.ord_status,
        None if report.last_qty is None else report.last_qty // px(1),
        None if report.last_px is None else report.last_px // cents(1),
        report.cum_qty // px(1),
    )


@pytest.mark.slow
def test_the_shards_do_what_the_slow_model_says() -> None:
    run_state_machine_as_test(Pair, settings=settings(PROPERTY, max_examples=150, stateful_step_count=50))
