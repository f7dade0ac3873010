"""A settlement that was booked wrongly, not at all or for nothing is found; a right one agrees in every check."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from schemas.records.numbers import money_text
from streams.evidence.reconcile.kafka_checks import kafka_checks
from tests.evidence.reconcile.faults import Plant, changed, lost
from tests.evidence.reconcile.session import read_facts, settled_session
from tests.evidence.reconcile.test_faults import Land, from_clickhouse

SETTLEMENTS = "settlements close positions at their price"


def test_a_settled_session_agrees_in_every_check_from_kafka() -> None:
    """3 contracts of 50 units from 100 to 101.25: A gains 187.50 and B loses it, before fees and funding."""
    session = settled_session()
    checks = {check.name: check for check in kafka_checks(read_facts(session), session.config)}
    assert [(name, check.differences) for name, check in checks.items() if check.differences] == []
    assert checks[SETTLEMENTS].checked == 2
    assert len(read_facts(session).fills["D"]) == 2, "liquidated when a loss of 1950 had left 50, less its fee"
    fills = [fill for fills in read_facts(session).fills.values() for fill in fills if "settlement-" in fill.exec_id]
    assert {fill.account_id: money_text(fill.realised_pnl) for fill in fills} == {"A": "187.5", "B": "-187.5"}


def test_a_settled_session_agrees_in_every_check_from_clickhouse(client: Client, landed: Land) -> None:
    checks = from_clickhouse(client, landed, settled_session())
    assert [(name, check.differences) for name, check in checks.items() if check.differences] == []


@pytest.mark.parametrize(
    ("plant", "names"),
    [
        (changed("executions", lambda m: m.exec_type == "SETTLEMENT", settlement_px=1), "was due"),
        (lost("executions", lambda m: m.exec_type == "SETTLEMENT"), "None was due"),
        (lost("fills", lambda m: m.exec_id.startswith("settlement-B")), "account B: None was booked"),
        (changed("fills", lambda m: m.exec_id.startswith("settlement-A"), price=1), "account A"),
    ],
    ids=["another price", "one without notice", "one that was not booked", "a fill at another price"],
)
def test_a_wrong_settlement_is_a_difference(plant: Plant, names: str) -> None:
    session = settled_session()
    plant(session)
    checks = {check.name: check for check in kafka_checks(read_facts(session), session.config)}
    told = checks[SETTLEMENTS].differences
    assert any(names in sentence for sentence in told), told
