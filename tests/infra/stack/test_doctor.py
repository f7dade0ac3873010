"""Output and exit codes of `paper doctor` and `paper status`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra import processes
from infra.processes import ProcessIdentity
from infra.settings import REPOSITORY, Settings
from infra.stack import doctor, local_stack
from infra.stack.artifacts import read_lock
from infra.stack.doctor import Finding, examine
from tests.stacks import free_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Returns settings of a stack that was never started."""
    return free_settings(tmp_path / "home").model_copy(update={"paper_cache": tmp_path / "cache"})


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


def paper(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | settings.as_environment() | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "streams.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_machine_that_is_fit_has_no_problem(settings: Settings) -> None:
    done = paper(settings, "doctor", "--json")
    findings = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert {finding["subject"] for finding in findings} == {
        "python",
        "libraries",
        "java",
        "memory",
        "data folder",
        "cache",
        "java archives",
        "kafka",
        "registry",
        "clickhouse",
        "pipeline",
        "serve",
    }
    assert all(finding["ok"] and not finding["remedy"] for finding in findings)


def test_a_taken_port_is_a_problem_with_a_remedy(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.kafka_controller_port)):
        done = paper(settings, "doctor")
    assert done.returncode == 1
    assert f"problem   kafka: port {settings.kafka_controller_port} is taken by" in done.stdout
    assert "KAFKA_CONTROLLER_PORT" in done.stdout


def test_a_folder_that_cannot_be_written_is_a_problem(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = by_subject(examine(settings.model_copy(update={"paper_home": tmp_path / "file" / "home"})))
    assert not found["data folder"].ok
    assert "PAPER_HOME" in found["data folder"].remedy


@pytest.mark.parametrize(
    ("limit", "subject", "remedy"),
    [("DISK_FREE_MIN_BYTES", "data folder", "PAPER_HOME"), ("MEMORY_AVAILABLE_MIN_BYTES", "memory", "close")],
)
def test_too_little_disk_or_memory_is_a_problem(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, limit: str, subject: str, remedy: str
) -> None:
    monkeypatch.setattr(doctor, limit, 10**18)
    finding = by_subject(examine(settings))[subject]
    assert not finding.ok
    assert remedy in finding.remedy


def test_a_damaged_archive_is_named(settings: Settings) -> None:
    path = read_lock()[0].path(settings.paper_cache)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    finding = by_subject(examine(settings))["java archives"]
    assert not finding.ok
    assert path.name in finding.found


def test_a_crashed_server_is_a_problem(settings: Settings) -> None:
    server = local_stack.whole_stack(settings)[0]
    processes.write_pid_file(ProcessIdentity(os.getpid(), started=1.0), local_stack.pid_file(settings, server))
    finding = by_subject(examine(settings))["kafka"]
    assert not finding.ok
    assert "crashed" in finding.found
    assert "kafka.log" in finding.remedy


def test_status_of_a_stopped_stack(settings: Settings) -> None:
    done = paper(settings, "status", "--json")
    assert done.returncode == 1
    rows = json.loads(done.stdout)["parts"]
    assert [(row["part"], row["state"]) for row in rows] == [
        ("kafka", "stopped"),
        ("registry", "stopped"),
        ("clickhouse", "stopped"),
        ("pipeline", "stopped"),
        ("serve", "stopped"),
    ]
    assert paper(settings, "status").stdout.splitlines()[0].split() == [
        *("part", "state", "pid", "port", "since", "memory", "log")
    ]


def test_purging_asks_first(settings: Settings) -> None:
    data = settings.paper_home / "kafka"
    data.mkdir(parents=True)
    refused = paper(settings, "down", "--purge")
    assert refused.returncode != 0
    assert data.exists()
    assert paper(settings, "down", "--purge", "--yes").returncode == 0
    assert not data.exists()


def test_an_error_is_one_line_without_a_traceback(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"clickhouse_url": "http://clickhouse.example:8123"})
    elsewhere = elsewhere.model_copy(update={"kafka_bootstrap_servers": "kafka.example:9092"})
    done = paper(elsewhere, "up")
    assert done.returncode == 1
    assert done.stderr.startswith("error: kafka: KAFKA_BOOTSTRAP_SERVERS points to kafka.example")
    assert "Traceback" not in done.stderr
    shutil.rmtree(settings.paper_home)
