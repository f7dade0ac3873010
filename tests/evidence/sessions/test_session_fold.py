"""Sessions rebuilt from the events of Kafka and ClickHouse, compared with the state of the account shards."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from infra.clickhouse.client import connect, query_file
from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.records.enums import ControlKind, Side
from schemas.records.messages import Fill
from streams.evidence.sessions.clickhouse_events import clickhouse_events
from streams.evidence.sessions.kafka_events import kafka_events
from streams.evidence.sessions.session_fold import Session, fold_session
from streams.evidence.sessions.shard_comparison import differences, shard_account, view_of_account, view_of_session
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.partitions import partition_of
from tests import builders
from tests.evidence.reconcile import session as recorded
from tests.evidence.reconcile.session import SETTINGS

ACCOUNTS_TRADED = ("A", "B", "C")
NAME = "session-1"


@pytest.fixture(scope="module")
def traded() -> recorded.Session:
    return recorded.traded_session()


def from_kafka(pipeline: recorded.Session, account: str, name: str = NAME) -> Session:
    def partitions(topic: str) -> int:
        return partition_count(SETTINGS, topic)

    return fold_session(account, name, kafka_events(account, name, pipeline.log, pipeline.codec, partitions))


def assert_equals_shard(pipeline: recorded.Session, rebuilt: Session) -> None:
    account = shard_account(pipeline.config, rebuilt.account_id, pipeline.log, pipeline.codec)
    assert account is not None
    assert not differences(view_of_session(rebuilt), view_of_account(account))


@pytest.mark.parametrize("account", ACCOUNTS_TRADED)
def test_the_topics_alone_give_the_shards_state(traded: recorded.Session, account: str) -> None:
    assert_equals_shard(traded, from_kafka(traded, account))


@pytest.mark.parametrize("account", ACCOUNTS_TRADED)
def test_clickhouse_alone_gives_the_same(
    traded: recorded.Session, landed: Any, server_settings: Settings, account: str
) -> None:
    run_id = landed(traded)
    with closing(connect(server_settings)) as client:
        rebuilt = fold_session(account, NAME, clickhouse_events(account, NAME, client, run_id))
        rows = list(client.query(query_file("sessions"), parameters={"run_id": run_id}).named_results())
    assert rebuilt == from_kafka(traded, account)
    assert_equals_shard(traded, rebuilt)
    (listed,) = [row for row in rows if row["account_id"] == account]
    assert (listed["status"], listed["fills"]) == (rebuilt.status, sum_of_fills(traded, account))
    assert listed["equity"] * 10**18 == rebuilt.equity


def sum_of_fills(pipeline: recorded.Session, account: str) -> int:
    """Returns the sum of all fills under the name, including those of earlier openings."""
    return sum(1 for fill in pipeline.messages("fills") if isinstance(fill, Fill) and fill.account_id == account)


def test_a_name_that_is_opened_again_begins_anew(traded: recorded.Session) -> None:
    again = from_kafka(traded, "C")
    assert (again.openings, again.status, again.fills, again.orders) == (2, "CLOSED", 2, 2)
    assert again.opening_cash == builders.money("7000")
    assert again.equity == again.cash == again.opening_cash + again.realised_pnl
    assert again.max_drawdown < 0


def test_counts_and_amounts(traded: recorded.Session) -> None:
    found = from_kafka(traded, "B")
    results = [item for item in traded.messages("order.results") if item.account_id == "B"]  # type: ignore[attr-defined]
    assert (found.results, found.rejects, found.cancel_rejects) == (len(results), 1, 1)
    assert (
        found.equity == found.cash + sum(position.cost for position in found.positions.values()) + found.unrealised_pnl
    )
    assert found.drawdown <= 0
    assert found.started_ns > found.opened_ns == 0


def test_splits_and_borrowing_are_part_of_the_state() -> None:
    """A short of 40 is split 3 for 1 between its fills, and pays borrow fees overnight."""
    instruments = (builders.instrument("ABC", borrow_rate="0.5", fee=builders.fee(taker="0.0003")),)
    pipeline = recorded.Session()
    pipeline.take_over(pipeline.config.model_copy(update={"instruments": instruments}))
    pipeline.send("controls", "A", builders.opening("A"))
    pipeline.move()
    pipeline.ask(builders.new("short", Side.SELL, "40"))
    day = 24 * 3600
    pipeline.second += day
    pipeline.move("30.00", "30.03")
    send_split(pipeline, 3, 1)
    pipeline.move("10.00", "10.01")
    rebuilt = from_kafka(pipeline, "A")
    assert rebuilt.positions["ABC"].quantity == -builders.px("120"), "no fill has come since the split"
    assert rebuilt.borrow_fees > 0
    assert_equals_shard(pipeline, rebuilt)
    pipeline.ask(builders.new("cover", Side.BUY, "50"))
    rebuilt = from_kafka(pipeline, "A")
    assert rebuilt.positions["ABC"].quantity == -builders.px("70")
    assert_equals_shard(pipeline, rebuilt)


def test_what_was_asked_at_the_opening_and_how_it_ended(landed: Any, client: Any) -> None:
    """Closed with an open position, then flattened: the session ended at the first closing."""
    pipeline = recorded.Session()
    pipeline.send("controls", "A", builders.opening("A", instruments="ABC", settings_sha256="5e77", strategy_id="s"))
    pipeline.move()
    pipeline.ask(builders.new("a-1", quantity="30", price="10.02"))
    close = builders.control(ControlKind.SESSION_CLOSE, "A", "close")
    pipeline.send("controls", "A", close)
    pipeline.run()
    closed = from_kafka(pipeline, "A")
    assert_equals_shard(pipeline, closed)
    pipeline.move("10.05", "10.07")
    pipeline.send("controls", "A", close._replace(control_id="flatten", flatten=True))
    pipeline.run()
    pipeline.move("10.05", "10.07")
    flat = from_kafka(pipeline, "A")
    assert_equals_shard(pipeline, flat)
    assert (flat.instruments, flat.settings_sha256, flat.strategy_id, flat.status) == ("ABC", "5e77", "s", "CLOSED")
    assert (flat.positions["ABC"].quantity, flat.fills, flat.closed_ns) == (0, 2, closed.closed_ns)
    (row,) = client.query(query_file("sessions"), parameters={"run_id": landed(pipeline)}).named_results()
    assert (row["status"], int(row["closed_at"].timestamp() * 10**9)) == ("CLOSED", flat.closed_ns)


def send_split(pipeline: recorded.Session, to: int, of: int) -> None:
    pipeline.second += 1
    at = builders.START + pipeline.second * builders.SECOND
    pipeline.send("market.data", "ABC", builders.split(to, of, at=at))
    pipeline.run()


@pytest.mark.parametrize(
    ("topic", "lost", "field"),
    [
        ("fills", slice(1, None), "cash"),
        ("risk.events", slice(1, None), "status"),
        ("controls", slice(0, 1), "opening_cash"),
        ("account.equity", slice(1, None), "peak_equity"),
    ],
)
def test_a_lost_event_shows(topic: str, lost: slice, field: str) -> None:
    pipeline = recorded.Session()
    pipeline.send("controls", "A", builders.opening("A"))
    pipeline.move()
    pipeline.ask(builders.new("a-1", quantity="30", price="10.02"))
    pipeline.move("11.00", "11.02")
    pipeline.ask(builders.new("a-2", Side.SELL, "30"))
    pipeline.send("controls", "A", builders.control(ControlKind.SESSION_CLOSE, "A", "close"))
    pipeline.run()
    account = shard_account(pipeline.config, "A", pipeline.log, pipeline.codec)
    assert account is not None
    del pipeline.log.partitions[topic, partition_of("A", ACCOUNTS.partitions(pipeline.config))][lost]
    found = differences(view_of_session(from_kafka(pipeline, "A")), view_of_account(account))
    assert any(sentence.startswith(f"{field}:") for sentence in found), found


def test_a_name_that_was_never_opened(traded: recorded.Session) -> None:
    assert from_kafka(traded, "A", "another").status == ""


@pytest.mark.parametrize(("account", "liquidations"), [("A", 0), ("B", 0), ("D", 1)])
def test_settlements_and_liquidations_are_part_of_a_session(account: str, liquidations: int) -> None:
    pipeline = recorded.settled_session()
    rebuilt = from_kafka(pipeline, account)
    assert_equals_shard(pipeline, rebuilt)
    assert (rebuilt.fills, rebuilt.liquidations) == (2, liquidations)
    assert not any(position.quantity for position in rebuilt.positions.values())
