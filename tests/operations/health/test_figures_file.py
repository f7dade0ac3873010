"""The exporter shows what workers and sinks count of themselves, and nothing of a process that has ended."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from pathlib import Path

import pytest

from infra.settings import Settings
from streams import figures
from streams.operations.health import figures_file as module
from streams.operations.health.figures_file import SUFFIX, figures_file, read_figures
from streams.operations.health.process_metrics import process_metrics
from tests.stacks import free_port

DEADLINE_S = 10.0


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(module, "INTERVAL_S", 0.01)
    return Settings(_env_file=None, paper_home=tmp_path, topic_prefix="p.")


def samples(settings: Settings) -> dict[tuple[str, str, str], float]:
    """Returns the figures of shard s by name, process and bucket."""
    return {
        (item.name, item.labels["process"], item.labels.get("le", "")): item.value
        for family in read_figures(settings)
        for item in family.samples
        if item.labels.get("shard") == "figures-test"
    }


def await_file(settings: Settings, name: str) -> Path:
    path = settings.paper_home / "run" / f"p.{name}{SUFFIX}"
    deadline = time.monotonic() + DEADLINE_S
    while not path.exists():
        assert time.monotonic() < deadline
    return path


def test_figures_are_labelled_by_process_until_it_ends(settings: Settings) -> None:
    figures.COMMIT_SECONDS.labels("figures-test").observe(0.03)
    figures.TAKEOVERS.labels("figures-test").inc()
    with figures_file(settings, "w-1"), figures_file(settings, "w-2"):
        await_file(settings, "w-1")
        await_file(settings, "w-2")
        found = samples(settings)
        assert samples(settings.model_copy(update={"topic_prefix": ""})) == {}, "another pipeline"
    for worker in ("w-1", "w-2"):
        assert found["paper_takeovers_total", worker, ""] >= 1
        assert (
            found["paper_commit_seconds_bucket", worker, "0.02"] < found["paper_commit_seconds_bucket", worker, "0.05"]
        )
        assert found["paper_commit_seconds_sum", worker, ""] == pytest.approx(0.03)
    assert list((settings.paper_home / "run").iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"prefix": "p.", "process": {}, "text": ""}'])
def test_a_damaged_file_says_nothing(settings: Settings, content: str) -> None:
    path = settings.paper_home / "run" / f"p.w{SUFFIX}"
    path.parent.mkdir()
    path.write_text(content)
    assert read_figures(settings) == []


def test_text_that_is_no_metrics_says_nothing(settings: Settings) -> None:
    with figures_file(settings, "w"):
        path = await_file(settings, "w")
        document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"text": "paper_commit{ 1"}))
    assert read_figures(settings) == []


def test_a_process_that_has_ended_says_nothing(settings: Settings) -> None:
    with figures_file(settings, "w"):
        document = json.loads(await_file(settings, "w").read_text())
    process = document["process"]
    assert process["pid"] == os.getpid()
    path = settings.paper_home / "run" / f"p.w{SUFFIX}"
    path.write_text(json.dumps(document | {"process": process | {"start_ticks": 1, "started": 1.0}}))
    assert read_figures(settings) == []


def test_in_a_container_a_process_serves_its_own_figures(settings: Settings) -> None:
    figures.TAKEOVERS.labels("figures-test").inc()
    address = f"127.0.0.1:{free_port()}"
    own = settings.model_copy(update={"process_metrics_address": address})
    with process_metrics(own), urllib.request.urlopen(f"http://{address}/metrics") as response:
        text = response.read().decode()
    assert 'paper_takeovers_total{shard="figures-test"}' in text
