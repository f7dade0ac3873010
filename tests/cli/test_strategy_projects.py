"""`paper strategy show` and `paper strategy new`: what is declared is shown, and what is written runs and is tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import REPOSITORY


def paper(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-P", "-m", "streams.cli", *arguments)


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a folder, as `./paper` does."""
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PAPER_HOME": str(folder / "home")}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False)


def test_show_tells_types_bounds_and_defaults() -> None:
    shown = json.loads(paper(REPOSITORY, "strategy", "show", "examples.ema_cross:EmaCross", "--json").stdout)
    parameters = {item["name"]: item for item in shown["parameters"]}
    fast = {"type": "int", "bounds": ">= 1; <= 10000", "default": "10", "description": "bars of the fast average"}
    assert parameters["fast"] == {"name": "fast", **fast}
    assert parameters["quantity"]["bounds"] == "> 0"
    assert (shown["symbols"], shown["keeps_orders"], shown["cancels_on_error"]) == (1, False, True)


def test_show_reads_as_a_page() -> None:
    shown = paper(REPOSITORY, "strategy", "show", "examples.pairs:Pairs")
    assert (shown.returncode, "It trades 2 symbols." in shown.stdout) == (0, True), shown.stderr
    assert "deviations from the mean to enter at" in shown.stdout
    unknown = paper(REPOSITORY, "strategy", "show", "examples.pairs:Nothing")
    assert (unknown.returncode, "strategy examples.pairs:Nothing" in unknown.stderr) == (1, True)


def test_a_new_project_runs_and_its_test_passes(tmp_path: Path) -> None:
    made = paper(tmp_path, "strategy", "new", "my_idea")
    assert (made.returncode, "paper strategy run my_idea:MyIdea" in made.stdout) == (0, True), made.stderr
    folder = tmp_path / "my_idea"
    tested = python(folder, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
    assert (tested.returncode, "2 passed" in tested.stdout) == (0, True), tested.stdout + tested.stderr
    shown = paper(folder, "strategy", "show", "my_idea:MyIdea")
    assert (shown.returncode, "market seconds of a bar" in shown.stdout) == (0, True), shown.stderr
    again = paper(tmp_path, "strategy", "new", "my_idea")
    assert (again.returncode, "it is there already; choose another name" in again.stderr) == (1, True)


@pytest.mark.parametrize("name", ["../up", "1st", "Idea", "class", "json", "a-b"])
def test_a_name_that_python_could_not_import_is_refused(name: str, tmp_path: Path) -> None:
    refused = paper(tmp_path, "strategy", "new", name)
    assert (refused.returncode, f"name {name}: must be" in refused.stderr) == (1, True), refused.stderr
    assert [item.name for item in tmp_path.iterdir() if item.name != "home"] == []
