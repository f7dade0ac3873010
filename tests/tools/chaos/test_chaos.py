"""Tests that `paper chaos` kills processes under load, and that the record is whole afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.end_to_end.processes import paper

KILLS = 5


@pytest.mark.stack
def test_five_kills_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, paper_home=tmp_path)
    done = paper(settings, "chaos", "--kills", str(KILLS), "--seed", "1", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["kills"], found["lost"], found["duplicated"], found["differences"]) == (KILLS, 0, 0, [])
    assert {"worker", "sink", "clickhouse", "kafka"} == found["recoveries_s"].keys()
    assert found["orders"] > 100
    assert found["fills"] > 0
    assert 0 < found["recovery_s_median"] <= found["recovery_s_worst"]
