"""Thousands of records with schema ids that nobody has registered become dead letters, and hold nobody up."""

from __future__ import annotations

import time
from pathlib import Path

from infra.kafka.topics import dead_letter_topic
from infra.settings import Settings
from streams.evidence.reconcile import reconcile
from streams.pipeline.journal.kafka_log import KafkaLogReader
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import running

COUNT = 3_000
AWAIT_S = 120.0
POLL_S = 0.1


def test_unknown_schema_ids_are_dead_letters_soon(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk = Desk(settings)
    with running(settings, tmp_path, "worker") as worker, running(settings, tmp_path, "sink"):
        for account in ("A", "B"):
            desk.open_account(account)
        desk.quote(0)
        for number in range(COUNT):
            desk.send_bytes("orders", b"A", b"\x00" + (2**30 + number).to_bytes(4, "big") + b"\x00\x00")
        desk.flush()
        desk.trade([immediate(f"{account}-{number}", account) for number in range(5) for account in ("A", "B")])
        deadline = time.monotonic() + AWAIT_S
        while (found := len(letters(settings))) < COUNT:
            assert time.monotonic() < deadline, f"{found} of {COUNT}"
            time.sleep(POLL_S)
        report = reconcile(settings)
        assert [(check.name, check.differences) for check in report.checks if not check.passed] == []
        assert worker.stop() == 0
    assert letters(settings) == ["UNKNOWN_SCHEMA"] * COUNT


def letters(settings: Settings) -> list[str]:
    found = KafkaLogReader(settings).read(dead_letter_topic("orders"), 0, 0)
    return [dict(letter.headers)["error_class"].decode() for letter in found]
