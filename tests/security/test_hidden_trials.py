"""The cheat that hides trials: many variants under many names, the best of which is sold as the first one tried."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from schemas.records.enums import GateDecisionKind, TradingLevel
from schemas.records.gate_messages import GateDecision
from schemas.records.numbers import NANOS_PER_DAY
from streams.evidence.gate.count_trials import DAYS_MIN, declaration_problem
from streams.evidence.gate.gather_evidence import tried_by
from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.replay import run_register
from streams.evidence.replay.input_source import InputSource
from streams.evidence.replay.simulate import simulate
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import COLUMNS, MarketTable
from streams.pipeline.sink.tables import Tables
from tests.builders import config, top_of_book
from tests.evidence.metrics import rows

VARIANTS = 5
CHEAT = "cheat:Cheat"
CORE = config(account_partitions=1, execution_partitions=1, simulators=(top_of_book(0),))
CODE = '''
from streams.strategies.momentum import Momentum


class NAME(Momentum):
    """NAME trades against the last move."""

    def has_room(self, side):
        return super().has_room(side) and self.quantity > 0
'''


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with rows.migrated_server(tmp_path_factory.mktemp("trials") / "data") as found:
        yield found


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yields the names of copies of one strategy, the cheat's last: file, class and docstring differ."""
    monkeypatch.syspath_prepend(tmp_path)
    files = {f"variant_{number}": f"Variant{number}" for number in range(VARIANTS)} | {"cheat": "Cheat"}
    for module, name in files.items():
        (tmp_path / f"{module}.py").write_text(CODE.replace("NAME", name))
    yield [f"{module}:{name}" for module, name in files.items()]
    for module in files:
        sys.modules.pop(module, None)


def market() -> MarketTable:
    """Returns a market of a few more days than a Sharpe ratio needs, with some updates a day."""
    table = synthetic(SyntheticMarket(3, seconds=20), CORE.instruments)
    kept = np.arange(0, len(table), max(len(table) // (DAYS_MIN * 40), 1))
    columns: dict[str, Any] = {name: getattr(table, name)[kept] for name in ("symbol", *COLUMNS)}
    start = int(table.time[0]) // NANOS_PER_DAY * NANOS_PER_DAY
    span = (DAYS_MIN + 5) * NANOS_PER_DAY
    columns["time"] = start + np.arange(len(kept), dtype=np.int64) * (span // len(kept))
    return replace(table, **columns)


def trade(settings: Settings, client: Client, run_id: str, strategy: str, every: int, registered: bool) -> None:
    """Trades a strategy into the tables of a run. registered: as `paper replay run` does; else as a live run looks."""
    parts = {"symbol": "ABC", "quantity": "10", "max_position": "50", "every": every, "cash": "100000"}
    what_if = WhatIf.parse({"strategies": {f"a-{every}": parts | {"strategy": strategy}}}, "test")
    source = InputSource("files", CORE, None, market())
    with closing(Tables(settings.model_copy(update={"run_id": run_id}), lambda seconds: None)) as tables:
        run = simulate(run_id, CORE, source.inputs(strategies=True), what_if, tables)
    if registered:
        run_register.register_run(client, run, source.name)


def deflated(client: Client, run_id: str, trials: int | None, variance: float | None) -> Sequence[float]:
    (row,) = metric_rows(
        client,
        "metrics_returns",
        run_id,
        MetricScope("strategy", CHEAT),
        Conventions(trials=trials, trials_variance=variance),
    )
    return row["psr"], row["dsr"]


def test_renamed_variants_are_counted_whatever_the_cheat_declares(settings: Settings, names: list[str]) -> None:
    with rows.connected(settings) as client:
        for number, name in enumerate(names[:-1]):
            trade(settings, client, f"sweep-{number}", name, 2 + number, registered=number % 2 == 0)
        trade(settings, client, "live", CHEAT, 3, registered=False)
        declared = {"run_id": "live", "strategy_id": CHEAT, "kind": "TRIALS", "ts": rows.FIRST_DAY, "trials": 1}
        rows.insert(client, "gate_decisions", [declared | {"trials_variance": 0.0}])
        found = tried_by(client, CHEAT, "UTC")
        assert found.trials == VARIANTS, "the cheat's own variant ran before, under another name"
        assert set(found.strategies) == set(names)
        assert found.recorded_variance is not None
        assert found.trials_variance == found.recorded_variance > 0
        lucky, real = deflated(client, "live", found.trials, found.trials_variance)
        assert real < lucky
        assert deflated(client, "live", 1, 0.0) == (lucky, lucky), "what the cheat hoped for"


@pytest.mark.parametrize(
    ("trials", "variance", "rule"),
    [
        (5, 0.0, "above 0, or leave it out"),
        (5, float("nan"), "above 0, or leave it out"),
        (5, float("inf"), "above 0, or leave it out"),
        (4, None, "5 were declared before; declare 5 or more"),
        (5, 0.01, "0.02 was declared before"),
    ],
)
def test_a_declaration_that_would_hide_something_is_refused(trials: int, variance: float | None, rule: str) -> None:
    told = GateDecision("t", "st", GateDecisionKind.TRIALS, TradingLevel.UNKNOWN, "[]", "", "", "me", None, None, 1)
    problem = declaration_problem([told._replace(trials=5, trials_variance=0.02)], trials, variance)
    assert problem is not None
    assert rule in problem


def test_a_declaration_that_adds_is_taken() -> None:
    assert declaration_problem([], 1, None) is None
    assert declaration_problem([], 1, 0.0) is None, "one trial has no variance"
    assert declaration_problem([], 12, None) is None, "that of the record counts"
    assert declaration_problem([], 12, 0.002) is None
