"""Trading on a live feed: what it writes is the recording, which replays, verifies and reconciles as any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.kafka.topics import TOPICS
from infra.settings import Settings
from streams.pipeline.journal.kafka_log import KafkaLogReader
from tests.end_to_end.desk import SYMBOL, Desk, immediate
from tests.end_to_end.processes import done, paper, running

FEED = "tests.pipeline.live.endless_feed"
STRATEGY = (
    *("strategy", "run", "momentum", "--account", "own", "--cash", "100000", "--symbol", SYMBOL),
    *("--quantity", "10", "--max-position", "50", "--every", "5", "--max-orders", "4"),
)
"""A strategy that trades until its orders are answered."""


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    """Settings of a pipeline that trades live: by Kafka's clock, without random failures."""
    return pipeline_settings.model_copy(update={"mock_trading": False, "time_source": "record"})


def dead_letters(settings: Settings) -> int:
    """Returns the number of records on all topics of dead letters."""
    reader = KafkaLogReader(settings)
    return sum(
        len(list(reader.read(topic.name, partition, 0)))
        for topic in TOPICS
        if topic.name.startswith("dlq.")
        for partition in range(topic.partitions.count(settings))
    )


def test_the_record_of_live_trading_proves_itself(settings: Settings, tmp_path: Path) -> None:
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"):
        with running(settings, tmp_path, SYMBOL, module=FEED) as feed:
            feed.await_log("trades")
            with running(settings, tmp_path, "worker") as worker:
                desk.open_account("A")
                (first,) = desk.trade([immediate("first", "A")])
                done(settings, *STRATEGY)
                worker.kill()
            feed.kill()
            with running(settings, tmp_path, "worker"), running(settings, tmp_path, SYMBOL, module=FEED) as again:
                again.await_log("trades")
                (second,) = desk.trade([immediate("second", "A")])
                shown = json.loads(paper(settings, "status", "--json").stdout)
                assert again.stop() == 0
            assert (first.ord_status, second.ord_status) == ("FILLED", "FILLED")
            (report,) = shown["feeds"]
            assert (report["source"], report["connected"], report["runs"]) == ("test:script", True, True)
        done(settings, "reconcile")
    assert dead_letters(settings) == 0
    assert "own" in {fill.account_id for fill in desk.read("fills")}, "the strategy has filled"
    done(settings, "replay", "verify")
    runs = [json.loads(done(settings, "replay", "run", "--run-id", run, "--json")) for run in ("base", "again")]
    assert runs[0]["outputs_sha256"] == runs[1]["outputs_sha256"]
