"""The status learns of live feeds from files that they leave, and says of a dead one that it died."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from infra.settings import Settings
from streams.operations.health.feed_file import FORGOTTEN_S, SUFFIX, feed_file, feed_reports
from streams.operations.health.health import SILENT_S, FeedReport, Health
from streams.operations.health.observer import Observer
from streams.operations.health.prometheus_metrics import HealthMetrics
from streams.pipeline.live.feed_health import FeedHealth
from streams.pipeline.live.live_writer import feed_name

SYMBOLS = ("BTC/USDT", "ETH/USDT")


def word(**changes: object) -> FeedHealth:
    """The health of a feed that has just said it."""
    counts = dict.fromkeys(("updates", "conflated", "missed", "refused", "steps_back", "far", "unstamped"), 0)
    known = {"updates_per_s": 500.0, "age_s": 0.5, "gaps": 2, "reconnects": 1, "skew_ms": -1270.0, "halted": ()}
    return FeedHealth(
        **{"source": "binance:ccxt", "symbols": SYMBOLS, "connected": True, "at": time.time()}
        | counts
        | known
        | changes  # type: ignore[arg-type]
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, paper_home=tmp_path, topic_prefix="p.")


def test_a_feed_is_shown_while_it_runs(settings: Settings) -> None:
    with feed_file(settings, SYMBOLS) as file:
        assert feed_reports(settings) == []
        health = word()
        file.write(health)
        (report,) = feed_reports(settings)
        assert (report.health, report.runs, report.complaint) == (health, True, "")
        assert feed_reports(settings.model_copy(update={"topic_prefix": ""})) == [], "another pipeline"
    assert feed_reports(settings) == [] == list((settings.paper_home / "run").iterdir())


def test_a_feed_that_was_killed_is_shown_for_a_day(settings: Settings) -> None:
    with feed_file(settings, SYMBOLS) as file:
        path = settings.paper_home / "run" / f"p.{feed_name(SYMBOLS)}{SUFFIX}"
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        for age_s, shown in ((60.0, 1), (FORGOTTEN_S + 60, 0)):
            file.write(word(at=time.time() - age_s))
            document = json.loads(path.read_text())
            path.write_text(json.dumps(document | {"process": document["process"] | {"pid": dead.pid}}))
            assert len(feed_reports(settings)) == shown
            assert all("died 60 s ago" in report.complaint for report in feed_reports(settings))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"prefix": "p.", "process": {}, "health": {}}'])
def test_a_damaged_file_says_nothing(settings: Settings, content: str) -> None:
    path = settings.paper_home / "run" / f"p.x{SUFFIX}"
    path.parent.mkdir()
    path.write_text(content)
    assert feed_reports(settings) == []


def test_a_feed_that_hangs_or_has_no_connection_needs_a_person() -> None:
    assert "has said nothing" in FeedReport(word(), SILENT_S + 1, runs=True).complaint
    assert "not connected" in FeedReport(word(connected=False), 0.0, runs=True).complaint


def test_its_line_says_what_counts() -> None:
    line = word(halted=("ETH/USDT",), conflated=7).line
    for text in ("binance:ccxt", "500 updates/s", "2 gaps", "1 reconnects", "-1,270 ms", "7 conflated", "ETH/USDT"):
        assert text in line
    assert "NOT CONNECTED" in word(connected=False).line
    assert "skew unknown" in word(skew_ms=None).line


def test_prometheus_has_each_figure_of_each_source() -> None:
    reports = [FeedReport(word(), 1.0, runs=True), FeedReport(word(symbols=("X",), skew_ms=None), 90.0, runs=False)]
    observer = Observer(lambda: Health("", [], [], {}, [], [], None, [], feeds=reports))
    observer.observe()
    registry = CollectorRegistry()
    registry.register(HealthMetrics(observer))
    page = generate_latest(registry).decode()
    both, dead = '{source="binance:ccxt",symbols="BTC/USDT ETH/USDT"}', '{source="binance:ccxt",symbols="X"}'
    for line in (
        f"paper_feed_connected{both} 1.0",
        f"paper_feed_connected{dead} 0.0",
        f"paper_feed_updates_per_second{both} 500.0",
        f"paper_feed_updates_per_second{dead} 0.0",
        f"paper_feed_age_seconds{both} 1.5",
        f"paper_feed_age_seconds{dead} 90.5",
        f"paper_feed_gaps{both} 2.0",
        f"paper_feed_reconnects{both} 1.0",
        f"paper_feed_skew_seconds{both} -1.27",
    ):
        assert line in page
    assert f"paper_feed_skew_seconds{dead}" not in page
