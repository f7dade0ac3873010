"""`paper replay sweep` as a command, on market files and ClickHouse alone: errors at once, resumed after a kill."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import yaml
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from streams.evidence.replay.input_source import open_source
from streams.evidence.replay.simulate import ReplayRun, simulate
from streams.evidence.replay.what_if import WhatIf
from tests.end_to_end.processes import Background, done, paper
from tests.evidence.replay.conftest import EMA
from tests.stacks import free_settings

SYMBOL = "ACME.SIM"

TABLES = (
    "orders", "orders_approved", "executions", "order_results", "fills", "account_equity", "positions", "controls",
    "risk_events", "marks",
)  # fmt: skip


def test_a_strategy_that_is_missing_is_said_before_anything_is_read(tmp_path: Path) -> None:
    """No server runs here, and no topic is asked for."""
    grid, changes = tmp_path / "grid.yaml", tmp_path / "rsi.yaml"
    grid.write_text("strategies.rsi.parameters.period: [5, 10]\n")
    changes.write_text(f"strategies: {{rsi: {{strategy: 'rsi:Rsi', symbol: {SYMBOL}}}}}\n")
    result = paper(free_settings(tmp_path), "replay", "sweep", "--grid", str(grid), "--with", str(changes))
    assert result.returncode == 1
    assert result.stderr.startswith("error: strategy rsi:Rsi: No module named 'rsi'")


def test_a_killed_sweep_goes_on_and_gives_the_same(
    server_settings: Settings, client: Client, told: tuple[str, ...], market: Path, tmp_path: Path
) -> None:
    killed = Background(server_settings, tmp_path / "killed.log", "replay", "sweep", "--name", "killed", *told)
    killed.await_log("1/4 runs are finished")
    processes = psutil.Process(killed.process.pid).children(recursive=True)
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    assert psutil.wait_procs(processes, timeout=20)[1] == [], "its processes end with it"
    ((finished,),) = client.query("SELECT count() FROM replay_runs WHERE run_id LIKE 'killed-%'").result_rows
    assert 1 <= finished < 4
    result = paper(server_settings, "replay", "sweep", "--name", "killed", *told, "--json")
    assert result.stderr.startswith(f"{finished}/4 runs are finished\n")
    assert "4/4 runs are finished, about 0 s left" in result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert sum(row["is_peak"] for row in rows) == sum(row["is_plateau"] for row in rows) == 1
    runs = client.query("SELECT run_id, outputs_sha256 FROM replay_runs WHERE run_id LIKE 'killed-%'").result_rows
    digests = {str(run_id): str(digest) for run_id, digest in runs}
    assert len(runs) == len(set(digests.values())) == 4, "what is done is not done again"
    alone = alone_in_memory(server_settings, market, rows[0])
    assert digests[rows[0]["run_id"]] == alone.outputs_sha256
    counts = [f"SELECT count() AS n FROM {name} FINAL WHERE run_id = '{rows[0]['run_id']}'" for name in TABLES]
    ((stored,),) = client.query(f"SELECT sum(n) FROM ({' UNION ALL '.join(counts)})").result_rows
    assert stored == alone.outputs


def alone_in_memory(settings: Settings, market: Path, row: dict[str, Any]) -> ReplayRun:
    """Returns the run of a row's values, made in this process."""
    values = {name.rpartition(".")[2]: row[name] for name in row if name.startswith("strategies.ema.parameters.")}
    document = yaml.safe_load(EMA)
    document["strategies"]["ema"]["parameters"] |= values
    source = open_source(settings, [market], True, lambda _: None)
    return simulate("alone", source.config, source.inputs(True), WhatIf.parse(document, "test"), None)


def test_an_interrupt_ends_a_sweep_at_once(server_settings: Settings, told: tuple[str, ...], tmp_path: Path) -> None:
    sweep = Background(server_settings, tmp_path / "stopped.log", "replay", "sweep", "--name", "stopped", *told)
    sweep.await_log("1/4 runs are finished")
    processes = psutil.Process(sweep.process.pid).children(recursive=True)
    sweep.process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert sweep.process.wait(20) == 130, sweep.log.read_text()
    assert psutil.wait_procs(processes, timeout=20)[1] == []
    assert "Traceback" not in sweep.log.read_text()
    assert time.monotonic() - started < 20


def test_people_get_a_table_and_a_heat_map(server_settings: Settings, told: tuple[str, ...]) -> None:
    printed = done(server_settings, "replay", "sweep", "--name", "killed", *told)
    assert "strategies.ema.parameters.fast down, strategies.ema.parameters.distance_bps across" in printed
    assert printed.rstrip().endswith("the best median of a result and its neighbours'")
