"""The status learns of parked shards from files that workers leave, and believes none of a dead worker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import Settings
from streams.operations.health.parked_file import SUFFIX, parked_file, parked_shards
from streams.pipeline.worker.parked_shards import ParkedShard

PARKED = [
    ParkedShard("accounts-1", 1_000.0, "no journal", 3, 1_060.0),
    ParkedShard("execution-0", 1.0, "a bug", 0, 2.0),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, paper_home=tmp_path, topic_prefix="p.")


def test_parked_shards_are_known_until_they_are_back_or_the_worker_ends(settings: Settings) -> None:
    with parked_file(settings, "w") as file:
        assert parked_shards(settings) == []
        file.write(PARKED)
        assert parked_shards(settings) == PARKED
        assert parked_shards(settings.model_copy(update={"topic_prefix": ""})) == [], "another pipeline"
        file.write([])
        assert parked_shards(settings) == []
        file.write(PARKED[:1])
    assert list((settings.paper_home / "run").iterdir()) == []


def test_the_file_of_a_dead_worker_says_nothing(settings: Settings) -> None:
    with parked_file(settings, "w") as file:
        file.write(PARKED)
        path = settings.paper_home / "run" / f"p.w{SUFFIX}"
        document = json.loads(path.read_text())
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        for process in ({"pid": dead.pid}, {"started": document["process"]["started"] - 1_000}):
            path.write_text(json.dumps(document | {"process": document["process"] | process}))
            assert parked_shards(settings) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"prefix": "p.", "process": {}, "shards": []}'])
def test_a_damaged_file_says_nothing(settings: Settings, content: str) -> None:
    path = settings.paper_home / "run" / f"p.w{SUFFIX}"
    path.parent.mkdir()
    path.write_text(content)
    assert parked_shards(settings) == []


def test_a_folder_that_cant_be_written_stops_no_shard(settings: Settings) -> None:
    with parked_file(settings, "w") as file:
        settings.paper_home.joinpath("run").write_text("a file in place of the folder")
        file.write(PARKED)
