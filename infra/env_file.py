"""The file `.env`: names in it that no setting has, which would else be ignored without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)
OF_CONTAINERS = frozenset(
    {"CLICKHOUSE_PAPER_PASSWORD", "CLICKHOUSE_READER_PASSWORD", "COMPOSE_PROJECT_NAME", "REGISTRY_PASSWORD"}
)
"""Names that docker compose reads from the same file; `paper passwords` prints their lines."""


def strange_names(file: Path, settings: frozenset[str]) -> Iterator[str]:
    """Yields a sentence for each name in a file that is no setting. settings: their names, in capitals.

    A file that is not there or can't be read has none: the settings themselves say so.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    known = settings | OF_CONTAINERS
    for name in dict.fromkeys(ASSIGNMENT.findall(text)):
        if name.upper() not in known:
            close = get_close_matches(name.upper(), settings, n=1)
            meant = f"did you mean {close[0]}?" if close else ".env.example lists the settings"
            yield f"{file}: {name} is no setting and has no effect; {meant}"
