"""`paper replay` and `paper archive` end to end: they only read the record, and write rows of their own runs."""

from __future__ import annotations

import json
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from infra.clickhouse.client import connect
from infra.kafka.topics import TOPICS
from infra.settings import Settings
from streams.evidence.replay.archive import MANIFEST
from streams.pipeline.journal.kafka_log import KafkaLogReader
from tests.builders import px
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import done, paper, running

GRID = "orders.scale: [0.5, 2]\nlimits.max_order_quantity: ['15', '100']\n"


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def ends(settings: Settings) -> dict[str, tuple[int, int]]:
    """Returns the first and last offsets of every partition."""
    reader = KafkaLogReader(settings)
    return {
        f"{topic.name}-{partition}": bounds
        for topic in TOPICS
        for partition in range(topic.partitions.count(settings))
        for bounds in reader.bounds([topic.name], partition).values()
    }


def test_runs_compare_sweep_and_archive(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        desk = Desk(settings)
        desk.open_account("A")
        desk.quote(0)
        desk.send_bytes("orders", b"A", b"garbage")
        orders = [immediate(f"o-{number}", "A") for number in range(6)]
        desk.trade([*orders, immediate("limit", "A")._replace(quantity=px(20))])
        done(settings, "reconcile")
    before = ends(settings)

    base = json.loads(done(settings, "replay", "run", "--run-id", "base", "--json"))
    again = json.loads(done(settings, "replay", "run", "--run-id", "again", "--json"))
    assert base["outputs_sha256"] == again["outputs_sha256"]
    same = json.loads(done(settings, "replay", "compare", "base", "again", "--json"))
    assert (same["changed"], same["orders"]) == (0, [])

    what_if = tmp_path / "half.yaml"
    what_if.write_text("orders: {scale: '0.5'}\nlimits: {max_order_quantity: '8'}\n")
    done(settings, "replay", "run", "--run-id", "half", "--with", str(what_if))
    changed = json.loads(done(settings, "replay", "compare", "base", "half", "--json"))
    fates = {row["order_id"]: (row["status_a"], row["status_b"], row["reason_b"]) for row in changed["orders"]}
    assert fates["limit"] == ("FILLED", "REJECTED", "MAX_ORDER_QUANTITY")
    assert changed["changed"] == 7
    taken = paper(settings, "replay", "run", "--run-id", "half")
    assert (taken.returncode, "choose another" in taken.stderr) == (1, True)
    own = paper(settings, "replay", "run", "--run-id", settings.run_id)
    assert (own.returncode, "recorded one" in own.stderr) == (1, True)

    grid = tmp_path / "grid.yaml"
    grid.write_text(GRID)
    sweep = ("replay", "sweep", "--grid", str(grid), "--json")
    rows = [json.loads(line) for line in done(settings, *sweep).splitlines()]
    assert [row["fills"] for row in rows] == ["7", "7", "0", "5"]
    assert [json.loads(line) for line in done(settings, *sweep).splitlines()] == rows
    with closing(connect(settings)) as client:
        runs = client.query("SELECT run_id, count() FROM replay_runs GROUP BY run_id").result_rows
    assert {count for _, count in runs} == {1}, "what is done is not done again"

    folder = tmp_path / "archive"
    exported = done(settings, "archive", "export", str(folder))
    manifest = sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert f"manifest sha256 {manifest}, recorded in ClickHouse\n" in exported
    (recorded,) = map(json.loads, done(settings, "archive", "list", "--json").splitlines())
    assert (recorded["run_id"], recorded["manifest_sha256"]) == (settings.run_id, manifest)
    nowhere = settings.model_copy(
        update={"kafka_bootstrap_servers": "127.0.0.1:1", "schema_registry_url": "http://127.0.0.1:1"}
    )
    assert done(nowhere, "archive", "verify", str(folder)).endswith("all equal\n")
    elsewhere = json.loads(done(nowhere, "replay", "run", "--run-id", "elsewhere", "--data", str(folder), "--json"))
    assert elsewhere["outputs_sha256"] == base["outputs_sha256"]
    done(nowhere, "archive", "import", str(folder), "--run-id", "imported")
    imported = json.loads(done(settings, "replay", "compare", settings.run_id, "imported", "--json"))
    assert imported["changed"] == 0
    with closing(connect(settings)) as client:
        letters = "SELECT run_id, source_topic, record_value FROM dead_letters ORDER BY run_id"
        found = client.query(letters).result_rows
    assert found == [(name, "orders", "garbage") for name in sorted(("imported", settings.run_id))]

    assert ends(settings) == before, "nothing was written to a live topic"
    assert done(settings, "replay", "verify", "--session", "session-1").endswith("all equal\n")
    assert done(settings, "replay", "verify", "--session", "nosuch", code=2) == ""
