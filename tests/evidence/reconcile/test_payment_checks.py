"""A funding or a dividend that was booked wrongly, not at all or for nothing is found."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from schemas.records.messages import AccountEquity
from streams.evidence.reconcile.kafka_checks import kafka_checks
from streams.evidence.reconcile.reconciliation import Check
from tests.evidence.reconcile.faults import CASH, Plant, changed, equity_at, lost, off_by_one
from tests.evidence.reconcile.session import read_facts, traded_session
from tests.evidence.reconcile.test_faults import Land, from_clickhouse

PAYMENTS = "payments = position * price * rate"


def check_after(plant: Plant) -> Check:
    session = traded_session()
    plant(session)
    found = {check.name: check for check in kafka_checks(read_facts(session), session.config)}
    return found[PAYMENTS]


def test_a_clean_session_compares_each_payment() -> None:
    session = traded_session()
    facts = read_facts(session)
    paid: list[AccountEquity] = [item for items in facts.equities.values() for item in items]
    triggers = sorted((item.account_id, str(item.trigger)) for item in paid if item.funding or item.dividends)
    assert ("A", "FUNDING") in triggers
    assert ("B", "DIVIDEND") in triggers
    check = next(check for check in kafka_checks(facts, session.config) if check.name == PAYMENTS)
    assert (check.checked, check.differences) == (4, [])


@pytest.mark.parametrize(
    ("plant", "names"),
    [
        (changed("executions", lambda m: m.exec_type == "FUNDING", funding_rate=1), "was booked, FUNDING"),
        (changed("executions", lambda m: m.exec_type == "DIVIDEND", dividend=1), "was booked, DIVIDEND"),
        (lost("account.equity", equity_at("A", "FUNDING")), "account A: nothing was booked, DIVIDEND"),
        (off_by_one("account.equity", equity_at("B", "FUNDING"), "funding"), "account B: FUNDING"),
        (lost("executions", lambda m: m.exec_type == "DIVIDEND"), "was booked, nothing was owed"),
    ],
    ids=["another rate", "another dividend", "a payment that was not booked", "one off by 1e-18", "one without notice"],
)
def test_a_wrong_payment_is_a_difference(plant: Plant, names: str) -> None:
    told = check_after(plant).differences
    assert any(names in sentence for sentence in told), told


def test_cash_in_rows_counts_payments(client: Client, landed: Land) -> None:
    session = traded_session()
    off_by_one("account.equity", equity_at("B", "DIVIDEND"), "dividends")(session)
    told = from_clickhouse(client, landed, session)[CASH].differences
    assert any("account B" in sentence for sentence in told), told
