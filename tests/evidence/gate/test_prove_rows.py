"""Rows are proved against records: equal ones pass, and each row that was inserted, edited or removed is named."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import NamedTuple, cast

import pytest
from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import query_file
from infra.settings import Settings
from schemas.memory_registry import MemoryRegistry
from streams.evidence.cut import read_at_cut
from streams.evidence.gate.decision import RULES
from streams.evidence.gate.gather_evidence import METRICS, QUERIES
from streams.evidence.gate.prove_rows import RowProof, row_prover
from streams.evidence.gate.record_copy import PROVED_TABLES
from tests.builders import new
from tests.evidence.never_merged import never_merged
from tests.evidence.reconcile.session import Session, land, traded_session
from tests.pipeline.journal.pipeline import PARTITIONS

_runs = itertools.count(1)


class Landed(NamedTuple):
    """A session in memory with its rows under a run's name."""

    settings: Settings
    session: Session

    def go_on(self, step: Callable[[Session], object]) -> None:
        """Lands the records that a step of the session writes."""
        before = {place: len(log) for place, log in self.session.log.partitions.items()}
        step(self.session)
        made = {place: log[before.get(place, 0) :] for place, log in self.session.log.partitions.items()}
        land(cast(Session, SimpleNamespace(log=SimpleNamespace(partitions=made))), self.settings)

    def prove(self, as_of: str = "", meanwhile: Callable[[], None] = lambda: None) -> RowProof:
        """Proves the rows. meanwhile: happens after they were read for the first time."""
        with row_prover(self.settings, self.session.log, MemoryRegistry(), wait_s=0) as prover:

            def read(client: Client, cut: object) -> RowProof:
                before = prover.sums(client)
                meanwhile()
                return prover.prove(client, cut, before)  # type: ignore[arg-type]

            return read_at_cut(self.settings, self.settings.run_id, read, as_of)


@pytest.fixture
def landed(server_settings: Settings) -> Landed:
    """Returns a traded session whose records have landed."""
    counts = {"account_partitions": PARTITIONS, "execution_partitions": PARTITIONS}
    settings = server_settings.model_copy(update=counts | {"run_id": f"proved-{next(_runs)}"})
    session = traded_session()
    land(session, settings)
    return Landed(settings, session)


def change(client: Client, landed: Landed, sql: str) -> None:
    """Runs a statement on the rows of the run; ROW is its first fill's condition."""
    of_run = f"run_id = '{landed.settings.run_id}'"
    first = f"(SELECT min((partition, offset)) FROM fills WHERE {of_run})"
    of_row = f"{of_run} AND (fills.partition, fills.offset) IN {first}"
    client.command(sql.replace("ROW", of_row).replace("RUN", of_run), settings={"mutations_sync": 1})


def test_rows_that_are_the_records_are_proved(client: Client, landed: Landed) -> None:
    proof = landed.prove()
    assert proof.problem == ""
    records = {place: log for place, log in landed.session.log.partitions.items() if log}
    fills = [item for item in proof.sums if item["table"] == "fills"]
    assert {(item["partition"], item["rows"], item["last"]) for item in fills} == {
        (number, len(log), log[-1].offset) for (topic, number), log in records.items() if topic == "fills"
    }
    assert proof.found == f"{proof.rows} rows of {len(PROVED_TABLES)} tables"
    assert landed.prove() == proof, "the same rows give the same proof"
    names = {name for (name,) in client.query("SELECT name FROM system.databases").result_rows}
    assert not {name for name in names if name.startswith("metrics_")}, "the copy is left behind"


EDITS = [
    ("ALTER TABLE fills UPDATE realised_pnl = 1000000 WHERE ROW", "is another row than Kafka's record"),
    ("ALTER TABLE fills UPDATE kafka_timestamp = '2020-01-01' WHERE ROW", "is another row than Kafka's record"),
    ("DELETE FROM fills WHERE ROW", "is a record of Kafka without a row"),
    ("DELETE FROM fills WHERE RUN", "is a record of Kafka without a row"),
    ("DELETE FROM risk_events WHERE RUN", "is a record of Kafka without a row"),
    ("DELETE FROM marks WHERE RUN AND ts = (SELECT max(ts) FROM marks WHERE RUN)",
     "is a record of Kafka without a row"),
    ("INSERT INTO fills SELECT * FROM fills WHERE ROW", "is there 2 times"),
    ("INSERT INTO fills SELECT * REPLACE (5 AS quantity) FROM fills WHERE ROW", "is another row than Kafka's record"),
    ("INSERT INTO fills SELECT * REPLACE (1000 AS offset) FROM fills WHERE ROW", "is a row, but no record of Kafka"),
    ("INSERT INTO fills SELECT * REPLACE (99 AS partition) FROM fills WHERE ROW", "is a row, but no record of Kafka"),
    ("INSERT INTO fills SELECT * REPLACE (2147483647 AS partition) FROM fills WHERE ROW",
     "is a row, but no record of Kafka"),
    ("INSERT INTO fills SELECT * REPLACE (-1 AS partition) FROM fills WHERE ROW", "is a row, but no record of Kafka"),
    ("INSERT INTO dead_letters SELECT * REPLACE ('x' AS topic) FROM dead_letters WHERE RUN LIMIT 1",
     "is a row, but no record of Kafka"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "why"), EDITS)
def test_each_change_by_hand_is_named(sql: str, why: str, client: Client, landed: Landed) -> None:
    table = next(word for word in sql.split() if word in PROVED_TABLES)
    with never_merged(client, table) if why.startswith("is there") else nullcontext():
        change(client, landed, sql)
        problem = landed.prove().problem
    assert problem.startswith(f"table {table}, partition "), problem
    assert why in problem


def test_rows_of_another_run_prove_nothing_and_harm_nothing(client: Client, landed: Landed) -> None:
    change(client, landed, "INSERT INTO fills SELECT * REPLACE ('other' AS run_id) FROM fills WHERE RUN")
    assert landed.prove().problem == ""
    other = landed._replace(settings=landed.settings.model_copy(update={"run_id": "other"}))
    assert "is a record of Kafka without a row" in other.prove().problem


def test_a_row_that_changes_between_two_looks_is_named(client: Client, landed: Landed) -> None:
    edit = "ALTER TABLE fills UPDATE realised_pnl = 1 WHERE ROW"
    assert "is another row" in landed.prove(meanwhile=lambda: change(client, landed, edit)).problem


def test_records_that_land_meanwhile_are_proved_up_to_the_cut(landed: Landed) -> None:
    moves = iter([lambda: landed.go_on(Session.move)])
    before = landed.prove()
    proof = landed.prove(meanwhile=lambda: next(moves, lambda: None)())
    assert proof == before, "what landed behind the cut is left out"
    assert landed.prove().rows > before.rows


def test_an_old_cut_leaves_records_out_and_says_so(landed: Landed) -> None:
    name = read_at_cut(landed.settings, landed.settings.run_id, lambda client, cut: cut.name)
    assert landed.prove(as_of=name).problem == ""
    landed.go_on(lambda session: session.ask(new("later", quantity="1")))
    assert "is a record of Kafka without a row" in landed.prove(as_of=name).problem
    assert landed.prove().problem == ""


def test_every_table_that_evidence_reads_is_proved(client: Client) -> None:
    """Follows the names of tables in the gate's queries, and in the views that they name."""
    found = client.query("SELECT name, as_select FROM system.tables WHERE database = currentDatabase()").result_rows
    selects: dict[str, str] = {name: select for name, select in found}
    read: set[str] = set()
    waiting = [
        query_file(name) for name in ("gate_trials", "gate_variants", "gate_suites", "gate_session", *METRICS, *QUERIES)
    ]
    while waiting:
        for name in set(re.findall(r"\w+", waiting.pop())) & selects.keys() - read:
            read.add(name)
            waiting.append(selects[name])
    tables = {name for name in read if not selects[name]}
    assert {"fills", "account_equity", "marks", "test_results"} <= tables
    unproved = {"replay_runs", "replay_variants", "positions"}
    assert tables - set(PROVED_TABLES) == unproved, "trials of re-simulations have no records, positions are compacted"
    judged = {rule.column for rule in RULES if rule.query == "metrics_costs"}
    assert judged == {"fills"}, "no criterion reads the payments, the only measures that come from positions"
