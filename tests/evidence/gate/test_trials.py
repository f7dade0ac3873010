"""The count of trials: declared ones, and every re-simulated variant of a strategy."""

from __future__ import annotations

from typing import Any

from clickhouse_connect.driver.client import Client

from streams.evidence.gate.gather_evidence import plain_rows
from streams.evidence.replay import run_register
from streams.evidence.replay.simulate import ReplayRun
from streams.evidence.replay.what_if import WhatIf
from tests.evidence.gate.sessions import AS_OF
from tests.evidence.metrics import rows


def note(client: Client, run_id: str, strategy: str, document: dict[str, Any]) -> None:
    what_if = WhatIf.parse(document, "test")
    run_register.register_run(client, ReplayRun(run_id, what_if, (strategy, "another"), 1, 1, "hash", ()), "base")


def trials(client: Client, run_id: str, strategy: str) -> tuple[int | None, float | None]:
    (row,) = plain_rows(client, "gate_trials", {"run_id": run_id, "strategy_id": strategy})
    return row["trials"], row["trials_variance"]


def test_variants_that_were_tried_are_counted_once_each(client: Client, run_id: str) -> None:
    strategy = f"tried-{run_id}"
    assert trials(client, run_id, strategy) == (None, None)
    note(client, f"{run_id}-base", strategy, {})
    assert trials(client, run_id, strategy) == (None, None), "a run that changes nothing tries nothing"
    half = {"orders": {"scale": "0.5"}}
    for name, document in (("half", half), ("half-again", half), ("double", {"orders": {"scale": "2"}})):
        note(client, f"{run_id}-{name}", strategy, document)
    assert trials(client, run_id, strategy) == (3, None), "two variants and the strategy itself"


def test_the_larger_of_declared_and_tried_counts(client: Client, run_id: str) -> None:
    strategy = f"declared-{run_id}"
    declared = {"run_id": run_id, "strategy_id": strategy, "kind": "TRIALS", "ts": AS_OF, "trials_variance": 0.25}
    rows.insert(client, "gate_decisions", [declared | {"trials": 2}])
    assert trials(client, run_id, strategy) == (2, 0.25)
    for scale in ("0.5", "2", "3"):
        note(client, f"{run_id}-{scale}", strategy, {"orders": {"scale": scale}})
    assert trials(client, run_id, strategy) == (4, 0.25)
    rows.insert(client, "gate_decisions", [declared | {"trials": 9}])
    assert trials(client, run_id, strategy) == (9, 0.25)
