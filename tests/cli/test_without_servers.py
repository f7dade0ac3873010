"""Commands while no server runs: each ends with one line that says what to do, and no client library speaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from tests.end_to_end.processes import Background, paper
from tests.stacks import free_settings

NEED_KAFKA = (
    ("orders", "submit", "ACME.SIM", "BUY", "1", "--account", "a"),
    ("orders", "cancel", "o-1", "--account", "a"),
    ("orders", "list"),
    ("results", "--account", "a"),
    ("positions", "--account", "a"),
    ("session", "open", "--account", "a", "--cash", "10"),
    ("trading-state", "HALTED", "--reason", "r"),
    ("risk", "status"),
    ("feed", "--synthetic", "--seconds", "1"),
    ("reconcile",),
    ("replay", "verify"),
    ("gate", "show", "s"),
    ("dlq", "list"),
    ("snapshots", "list"),
    ("shard", "list"),
    ("access", "list"),
    ("serve",),
    (
        "strategy",
        "run",
        "momentum",
        *("--account", "a", "--symbol", "ACME.SIM", "--quantity", "1", "--max-position", "5"),
    ),
)


NEED_CLICKHOUSE = (
    ("explain", "o-1"),
    ("session", "list"),
    ("session", "show", "s"),
    ("metrics", "show", "--account", "a"),
    ("replay", "list"),
    ("archive", "list"),
)


@pytest.fixture(scope="module")
def nothing_runs(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a stack on free ports that was never started."""
    return free_settings(tmp_path_factory.mktemp("nothing"))


@pytest.mark.parametrize("command", NEED_KAFKA, ids=" ".join)
def test_a_command_without_kafka_ends_with_one_line(command: tuple[str, ...], nothing_runs: Settings) -> None:
    result = paper(nothing_runs, *command)
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert result.returncode in (1, 2), result.stderr
    assert result.stdout == ""
    assert errors == result.stderr.splitlines()[-1:], result.stderr
    assert (
        f"Kafka at {nothing_runs.kafka_bootstrap_servers} does not answer: start the local one with `paper up`"
        in errors[0]
    )
    assert "rdkafka" not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", NEED_CLICKHOUSE, ids=" ".join)
def test_a_command_without_clickhouse_ends_with_one_line(command: tuple[str, ...], nothing_runs: Settings) -> None:
    result = paper(nothing_runs, *command)
    host, port = nothing_runs.clickhouse_host_port
    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "",
        f"error: ClickHouse at {host}:{port} does not answer: start the local one with `paper up`, or set "
        "CLICKHOUSE_URL to another\n",
    )


def test_a_negative_quantity_is_a_number_and_refused_as_one(nothing_runs: Settings) -> None:
    for quantity in ("-5", "-0.5"):
        result = paper(nothing_runs, "orders", "submit", "ACME.SIM", "BUY", quantity, "--account", "a")
        assert (result.returncode, f"quantity '{quantity}': must be greater than 0" in result.stderr) == (
            1,
            True,
        )


def test_a_worker_waits_for_kafka(nothing_runs: Settings, tmp_path: Path) -> None:
    worker = Background(nothing_runs, tmp_path / "worker.log", "worker")
    try:
        worker.await_log("waiting for Kafka")
        assert worker.process.poll() is None, "a worker outlives the absence of the broker"
    finally:
        worker.kill()
