"""Logs as JSON lines hold what a log store needs, also the C library's lines, and are rotated while they grow."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.kafka.client_config import client_config
from infra.log_lines import LIBRDKAFKA, JsonLines, rotate_running
from infra.settings import Settings
from tests.end_to_end.processes import running

DEADLINE_S = 20.0


def line(**extra: object) -> dict[str, object]:
    made = logging.getLogger("a.b").makeRecord(
        "a.b", logging.WARNING, "f.py", 1, "%d of\n%s", (2, "x"), None, extra=extra
    )
    text = JsonLines().format(made)
    assert "\n" not in text
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def test_a_line_has_time_level_logger_message_and_what_the_call_adds() -> None:
    found = line(shard="accounts-0", transaction=7, offsets={"orders": 3})
    assert str(found.pop("time")).endswith("+00:00")
    assert found.pop("pid")
    assert found == {
        "level": "WARNING",
        "logger": "a.b",
        "thread": "MainThread",
        "message": "2 of\nx",
        "shard": "accounts-0",
        "transaction": 7,
        "offsets": {"orders": 3},
    }


def test_an_error_keeps_its_traceback_in_its_line() -> None:
    try:
        raise ValueError("bad")
    except ValueError:
        made = logging.getLogger("a").makeRecord("a", logging.ERROR, "f.py", 1, "failed", (), sys.exc_info())
    text = JsonLines().format(made)
    assert "\n" not in text
    assert "ValueError: bad" in json.loads(text)["exception"]


def test_a_value_that_is_no_json_becomes_text() -> None:
    assert line(path=Path("/a"))["path"] == "/a"


def test_the_c_librarys_lines_go_the_same_way(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(_env_file=None, kafka_bootstrap_servers="127.0.0.1:1", log_format="json")
    producer = Producer(client_config(settings))
    deadline = time.monotonic() + DEADLINE_S
    while not any(item.name == LIBRDKAFKA and "127.0.0.1:1" in item.getMessage() for item in caplog.records):
        assert time.monotonic() < deadline
        producer.poll(0.05)
    assert "logger" not in client_config(settings.model_copy(update={"log_format": "text"}))


def test_a_log_goes_on_in_an_empty_file_while_its_process_writes(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old line\n" * 10)
        assert not rotate_running(log, kept_bytes=90)
        assert rotate_running(log, kept_bytes=89)
        writer.write(b"new line\n")
    assert log.read_bytes() == b"new line\n"
    assert log.with_suffix(".old").read_bytes() == b"old line\n" * 10
    assert not rotate_running(tmp_path / "none.log", 0)


def test_a_worker_says_its_shards_and_transactions_in_fields(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"log_format": "json"})
    with running(settings, tmp_path, "worker") as worker:
        worker.await_log("accounts-0 stands at journal")
        worker.await_log("execution-0 stands at journal")
    lines = [json.loads(text) for text in worker.log.read_text().splitlines()]
    (found,) = [item for item in lines if item["message"].startswith("accounts-0 stands at journal")]
    assert (found["shard"], found["logger"]) == ("accounts-0", "streams.pipeline.journal.owned_shard")
    assert isinstance(found["transaction"], int)
    assert isinstance(found["offsets"], dict)
