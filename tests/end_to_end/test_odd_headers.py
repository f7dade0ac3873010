"""Headers that no client library writes end no process: each such record is one dead letter, and all others flow."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from infra.kafka.topics import dead_letter_topic, topic_name
from infra.settings import Settings
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.verify import verify
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.reference.load_config import core_config
from tests.end_to_end.desk import SYMBOL, Desk, immediate
from tests.end_to_end.processes import paper, running
from tests.raw_batches import OddRecord, append

AWAIT_S = 60.0
POLL_S = 0.05
NO_UTF8 = ((b"\xff\xfe", b"1"), (b"trace", b"2"))
LARGE = ((b"trace", b"x" * 1_000_000),)
MANY = tuple((b"", b"") for _ in range(101))


def test_odd_headers_are_dead_letters_and_end_nobody(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk = Desk(settings)
    home = partition_of("A", settings.account_partitions)
    order = desk.codec.encode("orders", immediate("odd", "A"))
    places = {
        "orders": [home, (home + 1) % settings.account_partitions],
        "controls": [home],
        "market.data": [partition_of(SYMBOL, settings.execution_partitions)],
        "test.results": [0],
    }
    with running(settings, tmp_path, "worker") as worker, running(settings, tmp_path, "sink") as sink:
        desk.open_account("A")
        desk.quote(0)
        for topic, partitions in places.items():
            for partition in partitions:
                value = order if topic == "orders" else b"garbage"
                odd = [OddRecord(b"A", value, headers) for headers in (NO_UTF8, LARGE, MANY)]
                append(settings, topic_name(settings, topic), partition, odd)
        desk.trade([immediate(f"o-{number}", "A") for number in range(10)])
        expected = {"orders": 6, "controls": 3, "market.data": 3, "test.results": 3}
        deadline = time.monotonic() + AWAIT_S
        while (found := {topic: len(letters(settings, topic)) for topic in expected}) != expected:
            assert time.monotonic() < deadline, found
            time.sleep(POLL_S)
        report = reconcile(settings)
        assert [(check.name, check.differences) for check in report.checks if not check.passed] == []
        assert worker.stop() == 0
        assert sink.stop() == 0
    for topic in ("orders", "controls", "market.data"):
        assert set(letters(settings, topic)) == {"HEADERS_NOT_READABLE", "HEADERS_TOO_LARGE"}
    assert Counter(letters(settings, "orders")) == {"HEADERS_NOT_READABLE": 2, "HEADERS_TOO_LARGE": 4}
    assert letters(settings, "test.results") == ["WRONG_MAGIC"] * 3, "their headers are nothing that the sink reads"
    assert verify(core_config(settings), KafkaLogReader(settings), desk.codec).differences == []
    listed = paper(settings, "dlq", "list", "--topic", "orders")
    assert "HEADERS_NOT_READABLE" in listed.stdout


def letters(settings: Settings, topic: str) -> list[str]:
    """Returns the error classes of a topic's letters."""
    found = KafkaLogReader(settings).read(dead_letter_topic(topic), 0, 0)
    return [dict(letter.headers)["error_class"].decode() for letter in found]
