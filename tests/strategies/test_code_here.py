"""The commit of a strategy's code: that of the checkout which holds all of its files as they are, and no other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.strategies.code_digest import strategy_code
from streams.strategies.code_here import code_here, git_output
from tests.strategies.checkout import committed

MODULE = "import here_rules\n\nclass Mine:\n    def on_tick(self, tick): ...\n    def on_result(self, result): ...\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yields a checkout with a strategy of two modules, all committed and importable."""
    (tmp_path / "here_mine.py").write_text(MODULE)
    (tmp_path / "here_rules.py").write_text("LIMIT = 1\n")
    committed(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("here_mine", "here_rules"):
        sys.modules.pop(name, None)


def test_committed_code_has_its_commit(checkout: Path) -> None:
    found = code_here("here_mine:Mine")
    assert found == (strategy_code("here_mine:Mine").sha256, git_output(checkout, "rev-parse", "HEAD"))
    assert len(found.commit or "") == 40


@pytest.mark.parametrize("name", ["here_mine.py", "here_rules.py"])
def test_code_that_was_changed_after_its_commit_has_none(checkout: Path, name: str) -> None:
    with (checkout / name).open("a") as file:
        file.write("# later\n")
    assert code_here("here_mine:Mine").commit is None


def test_a_module_that_is_in_no_commit_takes_the_commit_away(checkout: Path) -> None:
    (checkout / ".gitignore").write_text("here_rules.py\n")
    git_output(checkout, "rm", "--cached", "--quiet", "here_rules.py")
    committed(checkout)
    assert git_output(checkout, "status", "--porcelain") == "", "git itself does not mention an ignored file"
    assert code_here("here_mine:Mine").commit is None


def test_another_file_that_was_changed_matters_to_nobody(checkout: Path) -> None:
    before = code_here("here_mine:Mine")
    (checkout / "notes.txt").write_text("later")
    assert code_here("here_mine:Mine") == before
