"""A shard with a fault of its own stands alone: all others trade on, the status tells, and it comes back by itself."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.settings import Settings
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.quarantine import FAULTS_IN_A_ROW_MAX, INTERNAL_ERROR, SKIPPED
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import paper, running
from tests.faults.test_recovery_faults import remove_records
from tests.pipeline.journal.planted_bug import BUG

FAULTY_WORKER = "tests.faults.faulty_worker"
PATIENCE_S = 90.0


def accounts(settings: Settings) -> tuple[str, str]:
    """Returns two accounts of different shards."""
    first, *others = list("ABCDEFGH")
    home = partition_of(first, settings.account_partitions)
    return first, next(name for name in others if partition_of(name, settings.account_partitions) != home)


def status(settings: Settings) -> tuple[int, dict[str, Any]]:
    said = paper(settings, "status", "--json")
    return said.returncode, json.loads(said.stdout)


def until(settings: Settings, condition: Callable[[int, dict[str, Any]], bool]) -> dict[str, Any]:
    """Returns the first status that meets a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        code, said = status(settings)
        if condition(code, said):
            return said
        assert time.monotonic() < deadline, said


def shards(settings: Settings) -> tuple[int, dict[str, dict[str, Any]]]:
    said = paper(settings, "shard", "list", "--json")
    return said.returncode, {row["shard"]: row for row in map(json.loads, said.stdout.splitlines())}


def letters(desk: Desk) -> list[str]:
    return [dict(record.headers)["error_class"].decode() for record in desk.read_raw("dlq.orders")]


def test_a_bug_parks_one_shard_until_a_person_goes_past_the_record(
    settings: Settings, desk: Desk, tmp_path: Path
) -> None:
    bad, good = accounts(settings)
    home = partition_of(bad, settings.account_partitions)
    shard = f"accounts-{home}"
    with running(settings, tmp_path, "worker", module=FAULTY_WORKER) as worker:
        for account in (bad, good):
            desk.open_account(account)
        desk.quote(0)
        desk.trade([immediate("before-1", bad), immediate("before-2", good)])
        code, said = status(settings)
        assert (code, said["quarantined"], said["parked"]) == (0, [], [])

        # One bad record is a dead letter and an alarm, which a person ends.
        desk.send("orders", bad, immediate(f"{BUG}-0", bad))
        desk.trade([immediate("between", bad)])
        assert letters(desk) == [INTERNAL_ERROR]
        said = until(settings, lambda code, said: bool(said["quarantined"]))
        assert [(item["shard"], item["alarms"]) for item in said["quarantined"]] == [(shard, 1)]
        assert status(settings)[0] == 1
        code, rows = shards(settings)
        assert (code, rows[shard]["alarms"], rows[shard]["parked"]) == (1, 1, None)
        assert rows[shard]["owner"] is not None
        refused = paper(settings, "shard", "skip", shard, "--record", "marks-9@1", "--reason", "x", "--yes")
        assert (refused.returncode, f"{shard} does not read it" in refused.stderr) == (1, True)
        done = paper(settings, "shard", "acknowledge", shard, "--reason", "letter read", "--actor", "kim", "--yes")
        assert (done.returncode, f"{shard} has no alarms any more" in done.stdout) == (0, True), done.stderr
        assert status(settings)[0] == 0
        desk.trade([immediate("acknowledged", bad)])

        # Too many in a row park the shard. The others trade on.
        for number in range(FAULTS_IN_A_ROW_MAX + 1):
            desk.send("orders", bad, immediate(f"{BUG}-more-{number}", bad))
        desk.send("orders", bad, immediate("behind", bad))
        desk.flush()
        worker.await_log(f"shard {shard} is parked and all others go on")
        desk.trade([immediate(f"meanwhile-{number}", good) for number in range(10)])
        said = until(settings, lambda code, said: bool(said["parked"]))
        (parked,) = said["parked"]
        assert parked["shard"] == shard
        assert f"failed on {FAULTS_IN_A_ROW_MAX} records in a row" in parked["reason"]
        assert "ALARM: " + shard in paper(settings, "status").stdout
        place = re.search(r"--record (\S+)", parked["reason"])
        assert place is not None
        wrong = place[1].rpartition("@")[0] + "@0"
        refused = paper(settings, "shard", "skip", shard, "--record", wrong, "--reason", "known", "--yes")
        assert (refused.returncode, f"{shard} stands at {place[1]}" in refused.stderr) == (1, True), refused.stderr

        # A person goes past the record, and the shard comes back by itself.
        done = paper(settings, "shard", "skip", shard, "--record", place[1], "--reason", "known", "--yes")
        assert (done.returncode, f"{shard} is past {place[1]}" in done.stdout) == (0, True), done.stderr
        until(settings, lambda code, said: code == 0)
        desk.trade([immediate("after", bad), immediate("after-2", good)])
        assert letters(desk) == [INTERNAL_ERROR] * (FAULTS_IN_A_ROW_MAX + 1) + [SKIPPED]
        results = {result.order_id for result in desk.read("order.results") if result.terminal}
        assert {"behind", "after"} <= results
        assert not [order_id for order_id in results if order_id.startswith(BUG)]
        assert worker.stop() == 0
    verified = paper(settings, "replay", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_shard_without_its_journal_is_parked_alone(settings: Settings, desk: Desk, tmp_path: Path) -> None:
    lost, good = accounts(settings)
    home = partition_of(lost, settings.account_partitions)
    with running(settings, tmp_path, "worker"):
        for account in (lost, good):
            desk.open_account(account)
        desk.quote(0)
        desk.trade([immediate("before-1", lost), immediate("before-2", good)])
    remove_records(settings, "journal.accounts", home)
    with running(settings, tmp_path, "worker") as worker:
        worker.await_log(f"shard accounts-{home} is parked and all others go on")
        desk.trade([immediate(f"on-{number}", good) for number in range(10)])
        said = until(settings, lambda code, said: code == 1 and bool(said["parked"]))
        assert "the journal was deleted" in said["parked"][0]["reason"]
        worker.await_log("(retry 2)")
        desk.trade([immediate(f"still-{number}", good) for number in range(10)])
        assert worker.stop() == 0
    assert status(settings)[1]["parked"] == [], "nothing is parked where no worker runs"
