"""Tests that `paper drill` kills brokers of a local cluster under load, and that the record is whole afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra import processes
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.kafka_cluster import local_brokers
from streams.tools.chaos.broker_drill import drill_brokers
from tests import stacks
from tests.end_to_end.processes import done, told


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = stacks.free_settings(tmp_path)
    yield settings
    local_stack.down(settings, purge=True)


@pytest.mark.stack
def test_a_broker_dies_and_comes_back_and_nothing_is_lost_or_doubled(settings: Settings) -> None:
    done(settings, "up", "--brokers", "3")
    before = _pids(settings)
    result = drill_brokers(settings.with_local_cluster(), kills=1, seed=1, workers=1, on_progress=print)
    assert (result.kills, result.lost, result.duplicated, result.differences) == (1, 0, 0, [])
    assert result.orders > 100
    assert result.fills > 0
    assert 0 < result.worst_s <= result.returns_s[0]
    assert result.longest_pause_s > 0
    after = _pids(settings)
    assert [name for name in after if after[name] != before[name]] == list(result.recoveries_s)
    assert all(psutil.pid_exists(pid) for pid in after.values())


@pytest.mark.stack
def test_a_stack_of_one_broker_is_not_drilled(stack: Settings) -> None:
    said = told(stack, "drill", "--yes", code=1)
    assert "has no cluster of 3 brokers" in said
    assert "paper up --brokers 3" in said


def _pids(settings: Settings) -> dict[str, int]:
    found = {
        broker.name: processes.read_pid_file(local_stack.pid_file(settings, broker))
        for broker in local_brokers(settings)
    }
    return {name: identity.pid for name, identity in found.items() if identity is not None}
