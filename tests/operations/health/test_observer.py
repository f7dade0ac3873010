"""An observation that fails, in whatever way, is counted and said, and the next one is tried."""

from __future__ import annotations

import asyncio
import urllib.request

import pytest

from streams.operations.health import observer as observer_module
from streams.operations.health.health import Health
from streams.operations.health.observer import Observer
from streams.operations.health.prometheus_metrics import HealthMetrics, MetricsServer
from tests.stacks import free_port

WELL = Health("", [], [], {}, [], [], None, [])


class Scripted:
    """Returns or raises what it was given, in turn."""

    def __init__(self, *results: Health | BaseException) -> None:
        self._results = list(results)

    def __call__(self) -> Health:
        result = self._results.pop(0)
        if isinstance(result, BaseException):
            raise result
        return result


def metrics(observer: Observer[Health]) -> dict[str, float]:
    port = free_port()
    with (
        MetricsServer(port, [HealthMetrics(observer)]),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response,
    ):
        lines = response.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


@pytest.mark.parametrize(
    "failure",
    [
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "garbage"),
        AssertionError(),
        RecursionError("deep"),
        asyncio.CancelledError(),
    ],
)
def test_a_failed_observation_is_counted_and_the_next_one_is_tried(failure: BaseException) -> None:
    observer = Observer(Scripted(WELL, failure, WELL))
    assert observer.observe() == WELL
    assert observer.observe() is None
    assert (observer.observed.errors, observer.observed.error) == (1, f"{type(failure).__name__}: {failure}")
    assert metrics(observer)["paper_observer_errors_total"] == 1
    assert observer.observe() == WELL
    assert (observer.observed.errors, observer.observed.error) == (1, "")


def test_metrics_do_not_stay_at_an_old_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    observer = Observer(Scripted(WELL._replace(complaints=["snapshots.accounts-0@7: garbage"])))
    observer.observe()
    fresh = metrics(observer)
    assert (fresh["paper_kafka_up"], fresh["paper_complaints"]) == (1, 1)
    monkeypatch.setattr(observer_module, "STALE_S", 0.0)
    old = metrics(observer)
    assert old["paper_kafka_up"] == 0
    assert "paper_complaints" not in old
    assert old["paper_observation_age_seconds"] > 0
