"""A tokenizer for SQL text: finds statements, the data of an INSERT, and the format of a result."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb"""
      (?P<skip> \s+ | --[^\n]* | \#[^\n]* | /\*.*?\*/ )
    | (?P<quoted> '(?:[^'\\]|\\.|'')*' | `(?:[^`\\]|\\.)*` | "(?:[^"\\]|\\.)*" )
    | (?P<word> \w+ )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_DATA_GAP = re.compile(rb"[ \t\r]*;?[ \t\r]*\n?")


class Insert(NamedTuple):
    """An INSERT statement with data behind it.

    Attributes:
        statement: the statement up to its table and columns.
        settings: the SETTINGS clause; empty if there is none.
        format: name of the input format, as written.
        data_start: index of the first byte of data in the text.
    """

    statement: bytes
    settings: bytes
    format: str
    data_start: int


class Token(NamedTuple):
    """A token of SQL text. kind: quoted, word or sign."""

    kind: str
    text: bytes
    start: int
    end: int

    def is_word(self, *words: bytes) -> bool:
        """Returns whether the token is one of some keywords, which are given in upper case."""
        return self.kind == "word" and self.text.upper() in words


def find_insert(text: bytes | bytearray) -> Insert | None:
    """Returns the INSERT with a FORMAT clause that the text holds, or None for any other statement.

    INSERT ... VALUES and INSERT ... SELECT count as other statements, because the engine reads them whole.
    """
    found = tokens(text)
    first = next(found, None)
    if first is None or not first.is_word(b"INSERT"):
        return None
    depth, previous, settings_start = 0, first, -1
    for token in found:
        if token.is_word(b"VALUES", b"SELECT", b"WITH"):
            return None
        depth += (token.text == b"(") - (token.text == b")")
        named = previous.is_word(b"INTO", b"TABLE") or previous.text == b"."
        if token.is_word(b"SETTINGS") and depth == 0 and not named:
            settings_start = token.start
        if token.is_word(b"FORMAT"):
            name = next(found, None)
            if name is None or name.is_word(b"VALUES"):
                return None
            gap = _DATA_GAP.match(text, name.end)
            assert gap is not None  # The pattern matches an empty text too.
            end = token.start if settings_start < 0 else settings_start
            return Insert(bytes(text[:end]), bytes(text[end : token.start]), name.text.decode(), gap.end())
        previous = token
    return None


def result_format(text: bytes) -> str | None:
    """Returns the format of a query's FORMAT clause, or None if it has none."""
    found: bytes | None = None
    previous: Token | None = None
    for token in tokens(text):
        if previous is not None and previous.is_word(b"FORMAT") and token.kind == "word":
            found = token.text
        elif found is not None and token.is_word(b"SETTINGS"):
            break
        elif token.text != b";":
            found = None
        previous = token
    return found.decode() if found else None


def is_select(text: bytes) -> bool:
    """Returns whether the text is a SELECT, also with WITH or in parentheses."""
    first = next(tokens(text), None)
    return first is not None and (first.text == b"(" or first.is_word(b"SELECT", b"WITH", b"FROM"))


def split_statements(text: str) -> list[str]:
    """Returns the statements of a file, which end with `;`. A `;` in a string or comment ends no statement."""
    data = text.encode()
    statements, start, has_words = [], 0, False
    for token in tokens(data):
        if token.text != b";":
            has_words = True
            continue
        statements += [data[start : token.start].decode().strip()] if has_words else []
        start, has_words = token.end, False
    return statements + ([data[start:].decode().strip()] if has_words else [])


def tokens(text: bytes | bytearray) -> Iterator[Token]:
    """Yields the tokens of SQL text, without space and comments."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        assert kind is not None
        if kind != "skip":
            yield Token(kind, match.group(), match.start(), match.end())
