"""Pages name files that exist: their links and the paths of our folders in them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from infra.settings import REPOSITORY

PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")
PATH = re.compile(r"(?<![\w/.-])((?:infra|schemas|streams|tests|examples|docs)/[\w/.*-]*[\w/*])")
FILE_NAME = re.compile(r"`([a-z_]\w*\.(?:py|sql|toml|avsc))`")
PLACEHOLDER = re.compile(r"NAME|NNNN|FILE")


@cache
def names() -> set[str]:
    """Returns the names of all files in our folders."""
    folders = ("infra", "schemas", "streams", "tests", "examples")
    inside = {path.name for folder in folders for path in (REPOSITORY / folder).rglob("*.*")}
    return inside | {path.name for path in REPOSITORY.glob("*.*")}


def missing(page: Path, text: str) -> list[str]:
    """Returns the links, paths and file names of a page that lead nowhere. A path may be a pattern."""
    links = [target for target, _ in LINK.findall(text) if not re.match(r"\w+:", target)]
    paths = [path for path in PATH.findall(text) if not PLACEHOLDER.search(path)]
    broken = [target for target in links if not (page.parent / target).exists()]
    broken += [path for path in paths if not list(REPOSITORY.glob(path.rstrip("/")))]
    return broken + [name for name in FILE_NAME.findall(text) if name not in names()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_pages_name_files_that_exist(page: Path) -> None:
    assert missing(page, page.read_text()) == []


def test_a_file_that_is_not_there_is_found() -> None:
    text = "[a](nowhere.md), `streams/nowhere.py`, `infra/*.nothing`, [b](https://example.org/c), `streams/cli/*.py`"
    assert missing(REPOSITORY / "README.md", text) == ["nowhere.md", "streams/nowhere.py", "infra/*.nothing"]
    assert missing(REPOSITORY / "README.md", "`nowhere.py` beside `errors.py`") == ["nowhere.py"]
