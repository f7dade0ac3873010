"""Faults to plant in a clean session. Each breaks one check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streams.pipeline.journal.dead_letters import BadRecord, dead_letter
from tests.builders import SECOND, START, px, quote
from tests.evidence.reconcile.session import Pick, Session, change, double, drop, is_new, of

Plant = Callable[[Session], None]
FORWARDED = "misplaced records are forwarded once"
REQUESTS = "every request is answered or on its way"
VENUE = "every request at its venue is answered there"
ORDERS = "every order has one terminal result or is working"
RESULTS = "execution reports and results are one to one"
FILLS = "executions and fills are one to one"
QUOTES = "every fill lies inside the quote in force, or deeper"
QUANTITIES = "fills keep within their order's quantity and limit"
CASH = "cash = opening cash + cash flows - fees"
POSITIONS = "position = sum of fills"
EQUITY = "equity = cash + position value, drawdown from its peak"
IDS = "every id is there once"
LETTERS = "each refused record is one dead letter"
OWN = "no record of the pipeline's own is a dead letter"
IN_SQL = dict.fromkeys((FORWARDED, REQUESTS, ORDERS), f"{ORDERS}, every request an answer")
"""The checks that one query covers together."""


@dataclass(frozen=True)
class Fault:
    """A fault. plant: puts it into a session; check: name of the check that finds it; names: text of the difference."""

    plant: Plant
    check: str
    names: str


def changed(topic: str, pick: Pick, **changes: Any) -> Plant:
    """Returns a fault that overwrites fields of a record."""
    return lambda session: change(session, topic, pick, **changes)


def lost(topic: str, pick: Pick) -> Plant:
    """Returns a fault that removes a record."""
    return lambda session: drop(session, topic, pick)


def doubled(topic: str, pick: Pick, **changes: Any) -> Plant:
    """Returns a fault that repeats a record, perhaps with other fields."""
    return lambda session: double(session, topic, pick, **changes)


def filled_at(order_id: str, price: str) -> Plant:
    """Returns a fault that changes a fill's price in every record, so that only market and order contradict it."""

    def plant(session: Session) -> None:
        fills: list[Any] = session.messages("fills")
        exec_id = next(fill.exec_id for fill in fills if fill.order_id == order_id)
        change(session, "executions", of_report(exec_id), last_px=px(price))
        change(session, "order.results", of_report(exec_id), last_px=px(price))
        change(session, "fills", of_report(exec_id), price=px(price))

    return plant


def of_report(exec_id: str) -> Pick:
    """Returns a predicate for a record of an execution report."""
    return lambda message: message.exec_id == exec_id


def equity_at(account: str, trigger: str) -> Pick:
    """Returns a predicate for an equity record of an account."""
    return lambda message: message.account_id == account and message.trigger == trigger


def old_quote(session: Session) -> None:
    """Adds a quote of XYZ before a fill that does not know it."""
    filled_ns = START + 59 * SECOND
    change(session, "fills", of("b-7"), ts=filled_ns)
    session.send("market.data", "XYZ", quote("20.00", "20.04", at=START + 61 * SECOND, symbol="XYZ"))
    session.run()
    change(session, "market.data", lambda m: m.symbol == "XYZ" and m.ts > filled_ns, times=[filled_ns - 1])


def lost_copy(session: Session) -> None:
    """Removes a forwarded order."""
    for (topic, _), log in sorted(session.log.partitions.items()):
        for record in log:
            if topic == "orders" and record.headers:
                log.remove(record)
                return


def own_dead_letter(session: Session) -> None:
    """Adds a dead letter by which a shard refuses another shard's record."""
    record = session.log.partitions["executions", 0][0]
    letter = dead_letter(record, "accounts", BadRecord("EXECUTION_WITHOUT_ORDER", "no such order"))
    session.log.append(letter.topic, letter.partition, letter.key, letter.value, 0, letter.headers)


def doubled_letter(session: Session) -> None:
    """Repeats a shard's dead letter."""
    letter = session.log.partitions["dlq.orders", 0][0]
    session.log.append(letter.topic, letter.partition, letter.key, letter.value, 0, letter.headers)


def off_by_one(topic: str, pick: Pick, name: str) -> Plant:
    """Returns a fault that changes a field by the smallest amount."""

    def plant(session: Session) -> None:
        messages: list[Any] = session.messages(topic)
        value = next(getattr(message, name) for message in messages if pick(message))
        change(session, topic, pick, **{name: value + 1})

    return plant


FAULTS = {
    "a fill one tick better than the quote": Fault(filled_at("a-1", "10.01"), QUOTES, "price 10.01 is better than"),
    "a sale one tick better than the quote": Fault(filled_at("b-1", "9.99"), QUOTES, "price 9.99 is better than"),
    "a fill at an old quote": Fault(old_quote, QUOTES, "was followed by one of"),
    "a fill at a quote that never was": Fault(off_by_one("fills", of("a-1"), "ask_px"), QUOTES, "not in market.data"),
    "a fill without a quote": Fault(changed("fills", of("a-1"), quote_ts=None), QUOTES, "it names no quote"),
    "a fill before its quote": Fault(changed("fills", of("a-1"), ts=START), QUOTES, "is later than the fill"),
    "a fill beyond its limit": Fault(filled_at("a-1", "10.03"), QUANTITIES, "10.03 is beyond the limit 10.02"),
    "a fill beyond its new limit": Fault(filled_at("b-3", "9.91"), QUANTITIES, "9.91 is beyond the limit 9.9"),
    "more executed than asked for": Fault(
        changed("orders", is_new("b-7"), quantity=px(8)), QUANTITIES, "asked for were 8"
    ),
    "an executed quantity that is no sum": Fault(
        off_by_one("executions", of("a-2", "FILL"), "cum_qty"), QUANTITIES, "cum_qty is 150.000000001"
    ),
    "a fill with another fee": Fault(off_by_one("fills", of("b-1"), "commission"), FILLS, "execution x"),
    "a fill of another order": Fault(changed("fills", of("a-1"), order_id="a-7"), FILLS, "execution x"),
    "a doubled fill": Fault(doubled("fills", of("a-1")), FILLS, "booked"),
    "a lost fill": Fault(lost("fills", of("b-7")), FILLS, "execution x"),
    "a fill from nowhere": Fault(lost("executions", of("b-7", "FILL")), FILLS, "x"),
    "a doubled execution": Fault(doubled("executions", of("a-1", "FILL")), IDS, "exec_id x"),
    "a lost terminal result": Fault(lost("order.results", of("a-1", "FILL")), RESULTS, "report x"),
    "a result that says otherwise": Fault(
        changed("order.results", of("b-3", "CANCELED"), cum_qty=0), RESULTS, "report x"
    ),
    "a second terminal result": Fault(
        doubled("order.results", of("a-1", "FILL"), exec_id=None, result_id="r"), ORDERS, "a-1 has 2 terminal results"
    ),
    "a result after the terminal one": Fault(
        doubled("order.results", of("a-1", "NEW"), exec_id=None, result_id="r"), ORDERS, "results after its terminal"
    ),
    "a result that is told twice": Fault(doubled("order.results", of("a-9", "NEW")), IDS, "result_id a"),
    "a refusal that nobody hears": Fault(
        lost("order.results", of("n-1")), REQUESTS, "nobody/n-1 has no result and was not approved"
    ),
    "a duplicate without an answer": Fault(
        lost("order.results", lambda m: m.reason_code == "DUPLICATE_ORDER_ID"),
        REQUESTS,
        "a-1 came again 3 times, answered so 2 times",
    ),
    "an answer that was not given again": Fault(
        lost("order.results", lambda m: m.order_id == "b-8" and m.poss_resend),
        REQUESTS,
        "b-8 came again 1 times, answered so 0 times",
    ),
    "an answer given again to another request": Fault(
        changed("order.results", lambda m: m.reason_code == "DUPLICATE_ORDER_ID", reason_code=None, poss_resend=True),
        REQUESTS,
        "a-1 came again 3 times, answered so 3 times",
    ),
    "an answer given again as a terminal one": Fault(
        changed("order.results", lambda m: m.order_id == "b-8" and m.poss_resend, terminal=True),
        ORDERS,
        "b-8 has 2 terminal results",
    ),
    "an order that nobody sent": Fault(lost("orders", is_new("b-7")), ORDERS, "B/b-7 has results, but orders"),
    "an order approved twice": Fault(
        doubled("orders.approved", lambda m: m.order_id == "a-9", approval_id="p"), REQUESTS, "was approved 2 times"
    ),
    "a misplaced order that stays there": Fault(lost_copy, FORWARDED, "forwarded"),
    "an order lost at its venue": Fault(lost("executions", of("a-9", "NEW")), VENUE, "A/a-9 reached its venue"),
    "a cancel lost at its venue": Fault(lost("executions", of("b-3", "CANCELED")), VENUE, "B/b-5 reached its venue"),
    "a position off by 1e-9": Fault(
        off_by_one("fills", of("b-1"), "position_qty"), POSITIONS, "in ABC is -39.999999999, its fills sum to -40"
    ),
    "a newest position off by 1e-9": Fault(
        off_by_one("positions", lambda m: m.symbol == "XYZ", "quantity"), POSITIONS, "in XYZ is 9.000000001"
    ),
    "a position that is not told": Fault(
        lost("positions", lambda m: m.symbol == "XYZ"), POSITIONS, "in XYZ is not on positions"
    ),
    "cash off by 1e-18": Fault(off_by_one("fills", of("b-7"), "cash"), CASH, "cash of the fill is"),
    "cash at the session's end off by 1e-18": Fault(
        off_by_one("account.equity", equity_at("C", "SESSION_CLOSE"), "cash"), CASH, "cash of the equity record is"
    ),
    "a notional off by 1e-18": Fault(off_by_one("fills", of("b-7"), "notional"), CASH, "notional is not"),
    "a fill that is not valued": Fault(
        lost("account.equity", equity_at("A", "FILL")), CASH, "no equity record of this fill"
    ),
    "a session that was not opened": Fault(
        lost("account.equity", equity_at("A", "SESSION_OPEN")), CASH, "before the session is opened"
    ),
    "equity off by 1e-18": Fault(
        off_by_one("account.equity", equity_at("A", "FILL"), "position_value"), EQUITY, "is not cash"
    ),
    "a drawdown off by 1e-18": Fault(
        off_by_one("account.equity", equity_at("B", "FILL"), "drawdown"), EQUITY, "the session's peak is"
    ),
    "a used event id": Fault(doubled("risk.events", lambda m: m.order_id == "n-1"), IDS, "event_id a"),
    "a doubled dead letter": Fault(doubled_letter, LETTERS, "has 2 dead letters"),
    "a dead letter of our own": Fault(own_dead_letter, OWN, "dlq.executions holds 1 records"),
}
