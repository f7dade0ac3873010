"""Tests of what is printed: a terminal shows texts of records, and obeys none."""

from __future__ import annotations

import pytest

from infra.harmless_text import harmless
from streams.cli.output import print_rows, say, show

HOSTILE = {
    "markup": "[/boom] [red]x",
    "ANSI": "\x1b[2J\x1b]0;owned\x07",
    "direction": "\u202egnp.exe\u2066",
    "line": "a\r\x08b",
    "C1": "\x9b31m",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_table_shows_the_texts_of_records_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"order_id": text}], ("order_id",), as_json=False)
    shown = capsys.readouterr().out
    assert harmless(text) in shown
    assert all(letter.isprintable() or letter == "\n" for letter in shown)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_sentences_are_escaped_on_both_streams(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(f"one\n{text}")
    say(text)
    shown = capsys.readouterr()
    assert shown.out == f"one\n{harmless(text)}\n"
    assert shown.err == f"{harmless(text)}\n"
    assert all(letter.isprintable() or letter == "\n" for letter in shown.out + shown.err)


def test_what_is_printable_stays() -> None:
    assert harmless("Zürich 株式 [AB]\nnext") == "Zürich 株式 [AB]\nnext"
    assert harmless("\x1b[0m\u202e") == "\\x1b[0m\\u202e"
