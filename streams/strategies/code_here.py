"""A strategy's code as it stands on this computer, and the commit that it is of."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from streams.strategies.code_digest import strategy_code, strategy_files


class CodeHere(NamedTuple):
    """The code of a strategy on this computer.

    Attributes:
        sha256: its digest, as a session names it.
        commit: commit of the git checkout that holds all of its files unchanged; None if there is none.
    """

    sha256: str
    commit: str | None


def code_here(name: str) -> CodeHere:
    """Finds a strategy and its commit. name: as find_strategy takes it. Raises InputError as strategy_code does."""
    return CodeHere(strategy_code(name).sha256, _commit(strategy_files(name)))


def git_output(folder: Path, *arguments: str) -> str | None:
    """Returns what a git command prints in a folder; None if it fails or git is not installed."""
    try:
        found = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def _commit(files: Iterable[Path]) -> str | None:
    commits = {_commit_of(file) for file in files}
    return commits.pop() if len(commits) == 1 else None


def _commit_of(file: Path) -> str | None:
    """Returns the newest commit of the checkout around a file; None if it does not hold the file as it is."""
    tracked = git_output(file.parent, "ls-files", "--error-unmatch", file.name)
    if tracked is None or git_output(file.parent, "status", "--porcelain", "--", file.name) != "":
        return None
    return git_output(file.parent, "rev-parse", "HEAD")
