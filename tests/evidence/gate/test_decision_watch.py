"""The watch over decisions: each reason alone revokes, through records on Kafka and rows in ClickHouse."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.enums import ControlKind, GateDecisionKind, TradingLevel
from schemas.records.gate_messages import GateDecision
from schemas.records.numbers import NANOS_PER_HOUR
from streams.evidence.gate.decision_watch import revoke_invalid
from streams.evidence.gate.gate_desk import GateDesk
from tests.authorisations import approved
from tests.builders import control, new, opening
from tests.end_to_end.desk import Desk
from tests.evidence.gate.sessions import insert_breaker, suite_case
from tests.evidence.metrics import rows
from tests.evidence.reconcile.session import Session, land

HOUR = NANOS_PER_HOUR
Plant = Callable[[Client, Settings, str], None]
"""Plants a reason against a decision in ClickHouse, as rows of settings.run_id."""


def nothing(client: Client, settings: Settings, decision: str) -> None:
    """Plants no reason: green checks, a closed breaker, and live fills like the paper ones."""
    run_id = settings.run_id
    rows.insert(client, "account_equity", rows.session(run_id, 100_000, [100_100]))
    for suite in ("pytest", "reconcile", "replay-verify"):
        rows.insert(client, "test_results", [suite_case(run_id, suite)])
    insert_breaker(client, run_id, 0, "OPEN", "CLOSED")
    _trade(client, run_id, Decimal("0.01"))


def failed(suite: str) -> Plant:
    """Plants a failed check of the pipeline."""

    def plant(client: Client, settings: Settings, decision: str) -> None:
        nothing(client, settings, decision)
        rows.insert(client, "test_results", [suite_case(settings.run_id, suite, "FAILED", age=0.5, case="broken")])

    return plant


def open_breaker(client: Client, settings: Settings, decision: str) -> None:
    """Plants a breaker that opened again."""
    nothing(client, settings, decision)
    insert_breaker(client, settings.run_id, 1, "OPEN")


def drift(client: Client, settings: Settings, decision: str) -> None:
    """Plants live fills that cost more than the paper ones."""
    rows.insert(client, "account_equity", rows.session(settings.run_id, 100_000, [100_100]))
    _trade(client, settings.run_id, Decimal("0.03"))


def shard_revoked(client: Client, settings: Settings, decision: str) -> None:
    """Plants records of the core: a breaker latches, the shard revokes, a person closes the breaker afterwards."""
    session, loss = Session(), {"kind": "loss", "amount": "1"}
    session.send("controls", "A", opening("A", strategy_id="st", limits=json.dumps({"breakers": {"b": loss}})))
    for command in approved(name=decision, strategy_id="st"):
        session.send("controls", "A", command)
    session.move()
    session.ask(new("o", quantity="100"))
    session.move("9.00", "9.02")
    session.send("controls", "A", control(ControlKind.BREAKER_RESET, "A", breaker="b"))
    session.run()
    land(session, settings)
    made = {"run_id": settings.run_id, "strategy_id": "st", "decision_id": decision, "kind": "EVALUATED"}
    rows.insert(client, "gate_decisions", [made])


def hold(settings: Settings, decision: str) -> None:
    """Plants a decision that a shard holds: the records of its answer."""
    session = Session()
    for command in approved(name=decision, strategy_id="other"):
        session.send("controls", "A", command)
    session.run()
    land(session, settings)


def _trade(client: Client, run_id: str, live_slippage: Decimal) -> None:
    """Inserts 39 paper fills and as many live ones."""
    for live, slippage in ((False, Decimal("0.01")), (True, live_slippage)):
        names = [f"{'live' if live else 'paper'}-{number}" for number in range(39)]
        fills = [
            rows.fill(run_id, "BUY", 1, 100, rows.FIRST_DAY + timedelta(minutes=number), order_id=name)
            | {"slippage_mid": slippage + Decimal("0.002") * (number % 3 - 1)}
            for number, name in enumerate(names)
        ]
        rows.insert(client, "fills", fills)
        if live:
            sent = [{"run_id": run_id, "account_id": "A", "order_id": name, "mode": "LIVE"} for name in names]
            rows.insert(client, "orders_live", sent)


def evaluated(decision: str, level: TradingLevel = TradingLevel.LIMITED_LIVE, hours: int = 1) -> GateDecision:
    """Returns a decision that expires in some hours."""
    now_ns = time.time_ns()
    return GateDecision(
        decision, "st", GateDecisionKind.EVALUATED, level, "[]", "", "", "ann", None, now_ns + hours * HOUR, now_ns
    )


CASES: list[tuple[Plant, TradingLevel, int, str | None]] = [
    (nothing, TradingLevel.LIMITED_LIVE, 1, None),
    (nothing, TradingLevel.FULL_LIVE, -1, "it has expired"),
    (failed("reconcile"), TradingLevel.FULL_LIVE, 1, "reconcile failed: broken"),
    (failed("replay-verify"), TradingLevel.LIMITED_LIVE, 1, "replay-verify failed: broken"),
    (failed("pytest"), TradingLevel.LIMITED_LIVE, 1, None),
    (open_breaker, TradingLevel.LIMITED_LIVE, 1, "1 breakers are open"),
    (drift, TradingLevel.LIMITED_LIVE, 1, "drift: slippage_bps 3 live, 1 on paper"),
    (open_breaker, TradingLevel.PAPER_ONLY, 1, None),
    (
        shard_revoked,
        TradingLevel.FULL_LIVE,
        1,
        "decision d-8 on strategy st is revoked: breaker b of account A is open",
    ),
]


def test_each_reason_revokes_by_a_record_and_tells_the_shards(pipeline_settings: Settings) -> None:
    desk = Desk(pipeline_settings)
    with closing(connect(pipeline_settings)) as client:
        for number, (plant, level, hours, reason) in enumerate(CASES):
            settings = pipeline_settings.model_copy(update={"run_id": f"watched-{number}"})
            decision = evaluated(f"d-{number}", level, hours)
            plant(client, settings, decision.decision_id)
            desk.send("gate.decisions", "st", decision)
            desk.flush()
            gate = GateDesk(settings, actor="watch")
            revoked = revoke_invalid(gate)
            if reason is None:
                assert revoked == [], (number, revoked)
                continue
            (record,) = revoked
            assert (record.kind, record.of_decision_id) == (GateDecisionKind.REVOKED, decision.decision_id)
            assert (record.reason or "").split(": total loss")[0] == reason
            assert gate.records("st")[-1] == record
            told = desk.read("controls")[-1]
            said = json.loads(told.authorisation)
            assert (told.reason, said["kind"], said["decision_id"]) == (record.reason, "REVOCATION", f"d-{number}")
            assert revoke_invalid(gate) == [], "once is enough"


def test_what_shards_hold_without_a_decision_of_the_gate_is_revoked(pipeline_settings: Settings) -> None:
    """Also a decision that a record on gate.decisions names, if the gate has not signed that record."""
    settings, desk = pipeline_settings.model_copy(update={"run_id": "held"}), Desk(pipeline_settings)
    hold(settings, "d-unknown")
    desk.send("gate.decisions", "other", evaluated("d-unknown")._replace(strategy_id="other", of_run_id="held"))
    desk.send("gate.decisions", "other", evaluated("d-elsewhere")._replace(strategy_id="other", of_run_id="elsewhere"))
    desk.flush()
    gate = GateDesk(settings, actor="watch")
    assert gate.newest("other") is not None, "a record is a record, until its signature is asked for"
    revoked = [record for record in revoke_invalid(gate) if "not the gate's" in (record.reason or "")]
    assert [(record.strategy_id, record.of_decision_id) for record in revoked] == [("other", "d-unknown")]
    said = json.loads(desk.read("controls")[-1].authorisation)
    assert (said["kind"], said["strategy_id"]) == ("REVOCATION", "other")


def test_a_revocation_needs_no_decision_that_the_gate_knows(pipeline_settings: Settings) -> None:
    record = GateDesk(pipeline_settings, actor="ann").revoke("never judged", "to be sure")
    assert (record.kind, record.of_decision_id) == (GateDecisionKind.REVOKED, None)
    commands = Desk(pipeline_settings).read("controls")
    assert [json.loads(item.authorisation)["strategy_id"] for item in commands] == ["never judged"] * len(commands)
    assert len(commands) == pipeline_settings.account_partitions, "every shard is told"
