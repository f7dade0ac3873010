"""`paper dlq`: records that could not be processed, why, and sending them back."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from streams.pipeline.dlq.letters import DeadLetter

TOPIC = typer.Argument(help="Topic whose records were refused, such as orders.")
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
COUNT_COLUMNS = ("topic", "stage", "error_class", "letters", "replayed")
LETTER_COLUMNS = ("offset", "source", "stage", "error_class", "time", "bytes", "replayed", "message")
SHOWN_BYTES = 256
HEX_BYTES = 16


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Records that could not be processed.", no_args_is_help=True)
    group.command(name="list")(list_letters)
    group.command()(show)
    group.command()(replay)
    app.add_typer(group, name="dlq")


def list_letters(
    topic: str = typer.Option(None, help="List the letters of this topic one by one."), as_json: bool = AS_JSON
) -> None:
    """Counts dead letters by topic and error class, or lists a topic's."""
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
    letters: Counter[tuple[str, str, str]] = Counter()
    replayed: Counter[tuple[str, str, str]] = Counter()
    for name in topics:
        for letter in read_letters(reader, name):
            kind = (name, letter.stage, letter.error_class)
            letters[kind] += 1
            replayed[kind] += letter.offset < replayed_until[name]
    rows = [dict(zip(COUNT_COLUMNS, (*kind, letters[kind], replayed[kind]), strict=True)) for kind in sorted(letters)]
    print_rows(rows, COUNT_COLUMNS, as_json)


def show(
    topic: str = TOPIC,
    offset: int = typer.Argument(help="Offset of the letter, as `paper dlq list --topic` shows it."),
    raw: bool = typer.Option(False, help="Write the original value to stdout, byte for byte, and nothing else."),
    as_json: bool = AS_JSON,
) -> None:
    """Shows one letter: where its record came from, why it was refused, and what it held."""
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
        print(f"{field:<12} {value}")
    for header, content in letter.headers:
        print(f"header       {header}: {content!r}")
    _print_bytes("key", letter.key)
    _print_bytes("value", letter.value)


def replay(
    topic: str = TOPIC,
    offset: int = typer.Option(None, min=0, help="Only this letter, replayed or not; the others stay as they are."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    as_json: bool = AS_JSON,
) -> None:
    """Sends refused records back to their topic, each once. What fails again becomes a new letter."""
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
            raise InputError(f"letter {offset} of {name} can't be sent back: {letter.obstacle}")
        _confirm(f"Send 1 record back to {name}?", yes)
        replay_one(settings, letter)
        done = ReplayedLetters(1, [])
    else:
        waiting = sum(1 for _ in read_letters(reader, name, cursors(settings, [name])[name]))
        if waiting:
            _confirm(f"Send {waiting} record(s) back to {name}?", yes)
        done = replay_all(settings, name)
    for letter in done.left:
        print(f"letter {letter.offset} of {name} was left: {letter.obstacle}", file=sys.stderr)
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
        print(f"  the first {SHOWN_BYTES}; --raw writes the whole value to stdout")
