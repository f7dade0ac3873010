"""Each planted fault is found and named, from Kafka's records and from ClickHouse's rows. A clean session passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from clickhouse_connect.driver.client import Client

from streams.core.core_config import TimeSource
from streams.evidence.reconcile.clickhouse_checks import clickhouse_checks
from streams.evidence.reconcile.fill_checks import check_fills_inside_quotes
from streams.evidence.reconcile.kafka_checks import kafka_checks
from streams.evidence.reconcile.order_checks import order_counts
from streams.evidence.reconcile.reconciliation import DIFFERENCES_MAX, Check
from streams.pipeline.journal.dead_letters import BadRecord, dead_letter
from streams.pipeline.journal.kinds import ACCOUNTS, EXECUTION
from tests.builders import cancel, new
from tests.evidence.reconcile.faults import (
    FAULTS,
    IN_SQL,
    ORDERS,
    REQUESTS,
    Fault,
    Plant,
    changed,
    doubled,
    lost,
    old_quote,
)
from tests.evidence.reconcile.session import Session, flattened_session, of, read_facts, traded_session
from tests.pipeline.journal.pipeline import PARTITIONS

Land = Callable[[Session], str]
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)

KILLED = "flatten-KILL-C-ABC"
each_unasked = pytest.mark.parametrize(
    ("plant", "names"),
    [
        (lost("risk.events", lambda m: m.kind == "KILLED"), f"C/{KILLED} has results"),
        (lost("risk.events", lambda m: m.breaker == "all"), "D/flatten-a0-30-ABC has results"),
        (changed("risk.events", lambda m: m.kind == "KILLED", account_id="A"), f"C/{KILLED} has results"),
        (
            changed("risk.events", lambda m: m.breaker == "own", breaker_state="CLOSED"),
            "A/flatten-a0-25-ABC has results",
        ),
        (changed("orders.approved", of(KILLED), reduce_only=False), f"C/{KILLED} has results"),
        (changed("orders.approved", of(KILLED), order_id="flatten-nobody-ABC"), "C/flatten-nobody-ABC was approved"),
        (doubled("orders.approved", of(KILLED), approval_id="p"), f"C/{KILLED} was approved 2 times"),
        (doubled("order.results", of(KILLED, "FILL"), exec_id=None, result_id="r"), f"{KILLED} has 2 terminal"),
    ],
    ids=[
        "no kill",
        "no breaker",
        "another account",
        "a closed breaker",
        "other terms",
        "no results",
        "twice",
        "two ends",
    ],
)


@pytest.fixture
def session() -> Session:
    return traded_session()


def from_kafka(session: Session) -> dict[str, Check]:
    return {check.name: check for check in kafka_checks(read_facts(session), session.config)}


def from_clickhouse(client: Client, landed: Land, session: Session) -> dict[str, Check]:
    return {check.name: check for check in clickhouse_checks(client, landed(session), session.config)}


def demand_clean(checks: dict[str, Check]) -> None:
    assert {name: check.differences for name, check in checks.items() if not check.passed} == {}
    assert [name for name, check in checks.items() if not check.checked] == [], "a check that looked at nothing"


def demand_named(check: Check, fault: Fault) -> None:
    assert not check.passed
    assert any(fault.names in sentence for sentence in check.differences), check.differences


def test_a_clean_session_passes_from_kafka(session: Session) -> None:
    demand_clean(from_kafka(session))


def test_a_clean_session_passes_from_clickhouse(client: Client, landed: Land, session: Session) -> None:
    demand_clean(from_clickhouse(client, landed, session))


@each_fault
def test_a_fault_is_named_from_kafka(session: Session, fault: Fault) -> None:
    fault.plant(session)
    demand_named(from_kafka(session)[fault.check], fault)


@each_fault
def test_a_fault_is_named_from_clickhouse(client: Client, landed: Land, session: Session, fault: Fault) -> None:
    fault.plant(session)
    demand_named(from_clickhouse(client, landed, session)[IN_SQL.get(fault.check, fault.check)], fault)


@each_unasked
def test_a_closing_order_without_its_cause_is_a_difference(
    client: Client, landed: Land, plant: Plant, names: str
) -> None:
    session = flattened_session()
    plant(session)
    found = from_kafka(session)
    told = [*found[ORDERS].differences, *found[REQUESTS].differences]
    assert any(names in sentence for sentence in told), told
    rows = from_clickhouse(client, landed, session)[IN_SQL[ORDERS]].differences
    assert any(names in sentence for sentence in rows), rows


def test_closing_orders_are_as_good_as_asked_for(client: Client, landed: Land) -> None:
    """A session's close, a kill, a breaker of an account and one of the desk have closed positions."""
    session = flattened_session()
    assert order_counts(read_facts(session))["closing_orders"] == 11
    assert {check.name: check.differences for check in from_kafka(session).values() if not check.passed} == {}
    found = from_clickhouse(client, landed, session)
    assert {check.name: check.differences for check in found.values() if not check.passed} == {}


def test_what_is_no_difference_is_counted(session: Session) -> None:
    facts = read_facts(session)
    assert order_counts(facts) == {
        "requests": 23,
        "orders": 15,
        "closing_orders": 0,
        "working_orders": 2,
        "on_their_way": 1,
        "duplicates": 5,
        "forwarded": 2,
        "fills": 14,
        "dead_letters": 1,
    }
    assert facts.dead_letters == {"dlq.orders": 1}


def test_what_no_shard_has_taken_is_on_its_way(client: Client, landed: Land, session: Session) -> None:
    """The workers stop in the middle of an order's life."""
    session.send("orders", "A", new("at-accounts", price="10.02"))
    session.step(ACCOUNTS)
    session.step(EXECUTION)
    session.send("orders", "B", new("at-venue", price="10.02", account="B"))
    for partition in range(PARTITIONS):
        session.send("orders", "C", new("sent", price="10.02", account="C"), partition=partition)
    demand_clean(from_kafka(session))
    demand_clean(from_clickhouse(client, landed, session))
    assert order_counts(read_facts(session))["on_their_way"] == 5


def test_what_waits_before_the_venue_is_on_its_way(client: Client, landed: Land, session: Session) -> None:
    session.send("orders", "A", new("at-venue", price="10.02"))
    session.step(ACCOUNTS)
    demand_clean(from_kafka(session))
    demand_clean(from_clickhouse(client, landed, session))


def test_what_waits_for_its_time_is_on_its_way(client: Client, landed: Land, session: Session) -> None:
    """The market has ended before the time of a-10."""
    session.ask(cancel("a-11", "a-10", ts=0))
    session.ask(new("a-12", quantity="10", price="1.00", ts=0, parent_order_id="a-10"))
    session.ask(cancel("a-13", "a-12", ts=0))
    demand_clean(from_kafka(session))
    demand_clean(from_clickhouse(client, landed, session))
    judged = session.config.model_copy(update={"orders_wait": False})
    checks = {check.name: check for check in kafka_checks(read_facts(session), judged)}
    assert len(checks["every request is answered or on its way"].differences) == 5


def test_garbage_is_no_difference_but_unread_records_of_ours_are(session: Session) -> None:
    log = session.log.partitions["fills", 0]
    log.append(log[-1]._replace(offset=len(log), value=b"garbage"))
    check = from_kafka(session)["each refused record is one dead letter"]
    assert ["fills-0" in sentence for sentence in check.differences] == [True]


def test_a_foreign_record_among_the_dead_letters_is_counted(session: Session) -> None:
    session.log.append("dlq.orders", 0, b"key", b"value", 0, (("topic", b"\xff"), ("offset", b"much")))
    demand_clean(from_kafka(session))
    assert read_facts(session).dead_letters == {"dlq.orders": 2}


@pytest.mark.parametrize(
    ("topic", "stage", "error_class"),
    [("executions", "accounts", "FOREIGN_RECORD"), ("fills", "sink", "NOT_READABLE"), ("fills", "", "")],
)
def test_what_others_wrote_on_our_topics_is_no_difference(
    client: Client, landed: Land, session: Session, topic: str, stage: str, error_class: str
) -> None:
    """The last letter is one that another program wrote: it names no record."""
    record = session.log.append(topic, 0, b"A", b"garbage")
    letter = dead_letter(record, stage, BadRecord(error_class, "not ours"))
    headers = letter.headers if stage else ()
    if stage != "accounts":
        session.log.partitions[topic, 0].pop()  # Landing it would make a letter of its own.
    session.log.append(letter.topic, letter.partition, letter.key, letter.value, 0, headers)
    demand_clean(from_kafka(session))
    demand_clean(from_clickhouse(client, landed, session))


def test_by_record_time_only_the_quote_itself_counts(session: Session) -> None:
    old_quote(session)
    config = session.config.model_copy(update={"time_source": TimeSource.RECORD})
    assert check_fills_inside_quotes(read_facts(session), config.time_source).passed
    assert not check_fills_inside_quotes(read_facts(session), session.config.time_source).passed


def test_many_differences_are_counted_and_the_first_are_told() -> None:
    check = Check("many", "kafka")
    for number in range(DIFFERENCES_MAX + 5):
        check.compare(number < 0, str(number))
    assert (check.checked, check.different, len(check.differences)) == (25, 25, DIFFERENCES_MAX)
