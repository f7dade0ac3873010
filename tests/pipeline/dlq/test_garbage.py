"""Topics full of bad records, with killed workers and sinks: one dead letter each; valid records are processed."""

from __future__ import annotations

import time
from pathlib import Path

from confluent_kafka import Producer

from infra.kafka.topics import MIB, dead_letter_topic, topic_name
from infra.settings import Settings
from schemas.registry import Registry
from streams.evidence.reconcile import reconcile
from streams.pipeline.journal.dead_letters import CUT_KEY_BYTES
from streams.pipeline.journal.kafka_log import KafkaLogReader
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import running
from tests.pipeline.dlq.garbage import HEADERS, TOO_LARGE, Garbage, garbage

TOPICS = ("orders", "controls", "market.data", "test.results")
TIMES = 4
ORIGINAL = tuple((f"original.{name}", value) for name, value in HEADERS)
AWAIT_S = 60.0
POLL_S = 0.05


class Thrower:
    """A sender of bad records, which remembers their places."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka_bootstrap_servers,
                "compression.type": "zstd",
                "message.max.bytes": 2 * len(TOO_LARGE),
            }
        )
        self.sent: dict[tuple[bytes, bytes, bytes], Garbage] = {}
        self._kinds = {topic: garbage(Registry(settings), topic) for topic in TOPICS}

    def throw(self) -> None:
        """Sends a bad record of each kind to each topic."""
        for topic, kinds in self._kinds.items():
            for item in kinds:
                self._send(topic, item)
        assert self._producer.flush(AWAIT_S) == 0

    def _send(self, topic: str, item: Garbage) -> None:
        def note(error: object, message: object) -> None:
            assert error is None
            place = (topic, message.partition(), message.offset())  # type: ignore[attr-defined]
            cut = item._replace(value=TOO_LARGE[: MIB - CUT_KEY_BYTES]) if item.value == TOO_LARGE else item
            self.sent[tuple(str(part).encode() for part in place)] = cut  # type: ignore[index]

        name = topic_name(self._settings, topic)
        self._producer.produce(name, item.value, item.key, partition=0, headers=list(HEADERS), on_delivery=note)


def letters(settings: Settings) -> list[tuple[tuple[bytes, bytes, bytes], Garbage]]:
    """Returns all dead letters by the place of their record."""
    found = []
    for topic in TOPICS:
        for letter in KafkaLogReader(settings).read(dead_letter_topic(topic), 0, 0):
            headers = dict(letter.headers)
            assert letter.headers[-1][0] == "cut" or letter.headers[-len(ORIGINAL) :] == ORIGINAL
            item = Garbage(letter.key, letter.value, headers["error_class"].decode())
            found.append(((headers["topic"], headers["partition"], headers["offset"]), item))
    return found


def await_letters(settings: Settings, count: int) -> None:
    deadline = time.monotonic() + AWAIT_S
    while (found := len(letters(settings))) < count:
        assert time.monotonic() < deadline, f"{found} of {count} letters"
        time.sleep(POLL_S)


def test_each_garbage_record_is_one_dead_letter_whoever_dies(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False, "worker_session_timeout_s": 6.0})
    desk, thrower = Desk(settings), Thrower(settings)
    with running(settings, tmp_path, "worker") as worker, running(settings, tmp_path, "sink") as sink:
        desk.open_account("A")
        desk.quote(0)
        for _ in range(TIMES // 2):
            thrower.throw()
        await_letters(settings, 10)
        worker.kill()
        sink.kill()
    for _ in range(TIMES // 2):
        thrower.throw()
    with running(settings, tmp_path, "worker"), running(settings, tmp_path, "sink"):
        desk.trade([immediate(f"o-{number}", "A") for number in range(20)])
        await_letters(settings, len(thrower.sent))
        report = reconcile(settings)
        assert [(check.name, check.differences) for check in report.checks if not check.passed] == []
    found = letters(settings)
    assert len(found) == len(thrower.sent)
    assert dict(found) == thrower.sent
