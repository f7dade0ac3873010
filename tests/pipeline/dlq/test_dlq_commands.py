"""`paper dlq` on real topics lists and shows refused records, and sends each again once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaException
from typer.testing import CliRunner, Result

from infra import settings as infra_settings
from infra.settings import Settings
from streams.cli.app import app
from streams.errors import InputError
from streams.pipeline.dlq import send_again
from streams.pipeline.journal.dead_letters import BadRecord, dead_letter
from streams.pipeline.journal.kafka_log import KafkaLogReader, KafkaTransactions
from streams.pipeline.journal.raw_records import Headers, RawOutput, RawRecord
from tests import stacks

Paper = Callable[..., Result]
HEADERS = (("a", b"\xff"), ("replayed-from", b"before"))
TOPICS = iter(("orders", "executions", "marks", "fills", "controls", "order.results", "risk.events"))


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Iterator[Settings]:
    """Provides a pipeline for all tests of this file; each uses another topic."""
    shared = stack.model_copy(update={"topic_prefix": "dlq-commands.", "clickhouse_database": "dlq_commands"})
    try:
        stacks.prepare(shared)
        yield shared
    finally:
        stacks.remove_pipeline(shared)


@pytest.fixture
def topic(settings: Settings) -> str:
    """Writes six letters: with headers, without value, with an empty value, a later one, a cut one, a foreign one."""
    name = next(TOPICS)
    letters = [
        letter(name, 0, b"\x00bad\xff", HEADERS),
        letter(name, 1, None),
        letter(name, 2, b"", error_class="EMPTY_VALUE"),
        letter(name, 3, b"later", partition=2),
        letter(name, 4, b"z" * 5_000_000),
        RawOutput(f"dlq.{name}", 0, None, b"whose?", ()),
    ]
    KafkaTransactions(settings, "test").write(letters)
    return name


def letter(
    topic: str, offset: int, value: bytes | None, headers: Headers = (), error_class: str = "BAD", partition: int = 1
) -> RawOutput:
    record = RawRecord(topic, partition, offset, b"key", value, 0, headers)
    return dead_letter(record, "accounts", BadRecord(error_class, f"reason {offset}"))


@pytest.fixture
def paper(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Paper:
    """Runs `paper dlq` and raises its errors."""
    monkeypatch.setattr(infra_settings, "get_settings", lambda: settings)

    def run(*arguments: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(app, ["dlq", *arguments], input=answer, catch_exceptions=False)

    return run


def lines(result: Result) -> list[Any]:
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def sent(settings: Settings, topic: str) -> list[tuple[int, bytes | None, bytes | None, Headers]]:
    """Returns the records of a topic."""
    reader = KafkaLogReader(settings)
    return [(p, r.key, r.value, r.headers) for p in range(4) for r in reader.read(topic, p, 0)]


def test_counts_and_letters_are_listed(paper: Paper, topic: str) -> None:
    counts = [row for row in lines(paper("list", "--json")) if row["topic"] == topic]
    assert [(row["stage"], row["error_class"], row["letters"], row["replayed"]) for row in counts] == [
        ("", "", 1, 0),
        ("accounts", "BAD", 4, 0),
        ("accounts", "EMPTY_VALUE", 1, 0),
    ]
    letters = lines(paper("list", "--topic", f"dlq.{topic}", "--json"))
    assert [(row["offset"], row["source"], row["bytes"], row["replayed"]) for row in letters] == [
        (0, "1:0", 5, False),
        (1, "1:1", 0, False),
        (2, "1:2", 0, False),
        (3, "2:3", 5, False),
        (4, "1:4", 5_000_003, False),
        (5, "-1:-1", 6, False),
    ]
    assert letters[0]["message"] == "reason 0"
    assert "EMPTY_VALUE" in paper("list").stdout


def test_a_letter_is_shown_with_its_bytes(paper: Paper, topic: str) -> None:
    shown = paper("show", topic, "0").stdout
    for part in ("reason 0", "a: b'\\xff'", "00 62 61 64 ff", ".bad."):
        assert part in shown
    assert paper("show", topic, "0", "--raw").stdout_bytes == b"\x00bad\xff"
    (document,) = lines(paper("show", topic, "1", "--json"))
    assert (document["key"], document["value"], document["headers"]) == (b"key".hex(), None, [])
    assert "the first 256" in paper("show", topic, "4").stdout


def test_each_letter_is_sent_back_once(paper: Paper, settings: Settings, topic: str) -> None:
    refused = paper("replay", topic, answer="n\n")
    assert (refused.exit_code, sent(settings, topic)) == (1, [])
    done = paper("replay", topic, answer="y\n")
    assert done.stdout.endswith(f"4 record(s) sent back to {topic}\n")
    assert f"letter 4 of {topic} was not sent: it has only the beginning of 5000003 bytes" in done.stderr
    assert f"letter 5 of {topic} was not sent" in done.stderr
    expected = [
        (1, b"key", b"\x00bad\xff", (("a", b"\xff"), ("replayed-from", f"dlq.{topic}:0:0".encode()))),
        (1, b"key", None, (("replayed-from", f"dlq.{topic}:0:1".encode()),)),
        (1, b"key", b"", (("replayed-from", f"dlq.{topic}:0:2".encode()),)),
        (2, b"key", b"later", (("replayed-from", f"dlq.{topic}:0:3".encode()),)),
    ]
    assert sent(settings, topic) == expected
    assert lines(paper("replay", topic, "--json")) == [{"topic": topic, "sent": 0, "left": []}]
    KafkaTransactions(settings, "test").write([letter(topic, 9, b"new")])
    assert lines(paper("replay", topic, "--yes", "--json")) == [{"topic": topic, "sent": 1, "left": []}]
    assert len(sent(settings, topic)) == 5
    assert [row["replayed"] for row in lines(paper("list", "--topic", topic, "--json"))] == [True] * 7


def test_a_single_letter_leaves_the_cursor_alone(paper: Paper, settings: Settings, topic: str) -> None:
    assert paper("replay", topic, "--offset", "3", "--yes").stdout == f"1 record(s) sent back to {topic}\n"
    assert [value for _, _, value, _ in sent(settings, topic)] == [b"later"]
    assert send_again.cursors(settings, [topic, "positions"]) == {topic: 0, "positions": 0}
    with pytest.raises(InputError, match="can't be sent back"):
        paper("replay", topic, "--offset", "4", "--yes")


def test_a_crash_in_the_middle_of_a_replay_sends_nothing_twice(
    settings: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the crashes comes after producing and moving the cursor, and before the commit."""
    monkeypatch.setattr(send_again, "BATCH_LETTERS_MAX", 2)
    opened: list[KafkaTransactions] = []

    class Dying(KafkaTransactions):
        def write(self, records: Any, noted: Any = None, position: Any = None) -> int | None:
            opened.append(self)
            if len(opened) == 2:
                self._producer.begin_transaction()
                for record in records:
                    self._produce(record, is_noted=False)
                self._producer.send_offsets_to_transaction([position.place], position.group)
                self._producer.flush()
                raise KeyboardInterrupt
            return super().write(records, noted, position)

    monkeypatch.setattr(send_again, "KafkaTransactions", Dying)
    with pytest.raises(KeyboardInterrupt):
        send_again.replay_all(settings, topic)
    assert send_again.replay_all(settings, topic).sent == 2
    assert [value for _, _, value, _ in sent(settings, topic)] == [b"\x00bad\xff", None, b"", b"later"]
    with pytest.raises(KafkaException, match="fenced"):
        opened[0]._producer.commit_transaction(30)


def test_what_fails_again_meanwhile_waits_for_the_next_replay(
    settings: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(KafkaTransactions):
        def write(self, records: Any, noted: Any = None, position: Any = None) -> int | None:
            KafkaTransactions(settings, "test").write([letter(topic, 100, b"again")])
            return super().write(records, noted, position)

    monkeypatch.setattr(send_again, "BATCH_LETTERS_MAX", 1)
    monkeypatch.setattr(send_again, "KafkaTransactions", Refusing)
    assert send_again.replay_all(settings, topic).sent == 4


def test_errors_name_the_remedy(paper: Paper, topic: str) -> None:
    with pytest.raises(InputError, match=r"topic nonsense has no dead letters; these topics may have some: orders, "):
        paper("list", "--topic", "nonsense")
    with pytest.raises(InputError, match=f"no letter at offset 99: `paper dlq list --topic {topic}`"):
        paper("show", topic, "99")
    with pytest.raises(InputError, match="no letter at offset 6"):
        paper("replay", topic, "--offset", "6")
