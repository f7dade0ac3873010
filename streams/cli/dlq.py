"""`paper dlq`: shows the records that could not be processed, and sends them back."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.command_group import add_group
from streams.cli.options import JSON, JSON_LINES
from streams.cli.output import show

if TYPE_CHECKING:
    from streams.pipeline.dlq.letters import DeadLetter

TOPIC = typer.Argument(help="Topic on which the records were sent, such as orders.")
COUNT_COLUMNS = ("topic", "stage", "error_class", "letters", "replayed")
LETTER_COLUMNS = ("offset", "source", "stage", "error_class", "time", "bytes", "replayed", "message")
SHOWN_BYTES = 256
HEX_BYTES = 16


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "dlq",
        "Shows dead letters, the records that could not be processed, and sends them back.",
        {"list": list_letters, "show": show_letter, "replay": send_back},
    )


def list_letters(
    topic: str = typer.Option(None, help="Topic whose dead letters are listed one by one, such as orders."),
    as_json: bool = JSON_LINES,
) -> None:
    """Counts dead letters by topic and error, or lists the dead letters of one topic."""
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.pipeline.dlq.letters import TOPICS, base_topic, read_letters, topics_with_letters
    from streams.pipeline.dlq.send_again import cursors
    from streams.pipeline.journal.kafka_log import KafkaLogReader

    settings = get_settings()
    reader = KafkaLogReader(settings)
    topics = [base_topic(topic)] if topic else topics_with_letters(reader, TOPICS)
    replayed_until = cursors(settings, topics)
    if topic:
        rows = [_row(letter, replayed_until[topics[0]]) for letter in read_letters(reader, topics[0])]
        print_rows(rows, LETTER_COLUMNS, as_json)
        return
    letters = (
        (letter, letter.offset < replayed_until[name]) for name in topics for letter in read_letters(reader, name)
    )
    print_rows(_counts(letters), COUNT_COLUMNS, as_json)


def _counts(letters: Iterable[tuple[DeadLetter, bool]]) -> list[dict[str, Any]]:
    """Counts letters, and those that were sent back, by topic, stage and error class."""
    total: Counter[tuple[str, str, str]] = Counter()
    replayed: Counter[tuple[str, str, str]] = Counter()
    for letter, was_replayed in letters:
        kind = (letter.topic, letter.stage, letter.error_class)
        total[kind] += 1
        replayed[kind] += was_replayed
    return [dict(zip(COUNT_COLUMNS, (*kind, total[kind], replayed[kind]), strict=True)) for kind in sorted(total)]


def show_letter(
    topic: str = TOPIC,
    offset: int = typer.Argument(help="Offset of the dead letter, from `paper dlq list --topic TOPIC`."),
    raw: bool = typer.Option(False, help="Write only the original value to stdout, byte for byte."),
    as_json: bool = JSON,
) -> None:
    """Shows a dead letter: the record's origin, the error, and the record's bytes."""
    from infra.settings import get_settings
    from streams.pipeline.dlq.letters import base_topic, read_letter
    from streams.pipeline.dlq.send_again import cursors
    from streams.pipeline.journal.kafka_log import KafkaLogReader

    settings = get_settings()
    name = base_topic(topic)
    letter = read_letter(KafkaLogReader(settings), name, offset)
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
        return
    row = _row(letter, cursors(settings, [name])[name])
    if as_json:
        contents = {"key": _hex(letter.key), "value": _hex(letter.value)}
        print(json.dumps(row | contents | {"headers": [[name, value.hex()] for name, value in letter.headers]}))
        return
    for field, value in row.items():
        show(f"{field:<12} {value}")
    for header, content in letter.headers:
        show(f"header       {header}: {content!r}")
    _print_bytes("key", letter.key)
    _print_bytes("value", letter.value)


def send_back(
    topic: str = TOPIC,
    offset: int = typer.Option(
        None, min=0, help="Send only the dead letter at this offset, even if it was sent back before."
    ),
    yes: bool = typer.Option(False, "--yes", help="Send without asking."),
    as_json: bool = JSON,
) -> None:
    """Sends dead letters back to their topic, each once. A record that fails again becomes a new dead letter."""
    from infra.settings import get_settings
    from streams.errors import InputError
    from streams.pipeline.dlq.letters import base_topic, read_letter, read_letters
    from streams.pipeline.dlq.send_again import ReplayedLetters, cursors, replay_all, replay_one
    from streams.pipeline.journal.kafka_log import KafkaLogReader

    settings = get_settings()
    name, reader = base_topic(topic), KafkaLogReader(settings)
    if offset is not None:
        letter = read_letter(reader, name, offset)
        if letter.obstacle is not None:
            raise InputError(f"dead letter {offset} of {name} can't be sent back: {letter.obstacle}")
        _confirm(f"Send 1 record back to {name}?", yes)
        replay_one(settings, letter)
        done = ReplayedLetters(1, [])
    else:
        waiting = sum(1 for _ in read_letters(reader, name, cursors(settings, [name])[name]))
        if waiting:
            _confirm(f"Send {waiting} record(s) back to {name}?", yes)
        done = replay_all(settings, name)
    for letter in done.left:
        print(f"dead letter {letter.offset} of {name} was not sent: {letter.obstacle}", file=sys.stderr)
    if as_json:
        print(json.dumps({"topic": name, "sent": done.sent, "left": [letter.offset for letter in done.left]}))
    else:
        print(f"{done.sent} record(s) sent back to {name}")


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _row(letter: DeadLetter, replayed_until: int) -> dict[str, Any]:
    return {
        "topic": letter.topic,
        "offset": letter.offset,
        "source": f"{letter.source_partition}:{letter.source_offset}",
        "stage": letter.stage,
        "error_class": letter.error_class,
        "time": datetime.fromtimestamp(letter.time_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
        "bytes": len(letter.value or b"") if letter.cut is None else letter.cut,
        "replayed": letter.offset < replayed_until,
        "message": letter.message,
    }


def _hex(content: bytes | None) -> str | None:
    return None if content is None else content.hex()


def _print_bytes(name: str, content: bytes | None) -> None:
    if content is None:
        print(f"{name:<12} none")
        return
    print(f"{name:<12} {len(content)} bytes")
    for start in range(0, min(len(content), SHOWN_BYTES), HEX_BYTES):
        line = content[start : start + HEX_BYTES]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
        print(f"  {start:08x}  {line.hex(' '):<{3 * HEX_BYTES}} {text}")
    if len(content) > SHOWN_BYTES:
        print(f"  only the first {SHOWN_BYTES} bytes are shown; --raw writes the whole value to stdout")
