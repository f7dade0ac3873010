"""`paper check` and `.ci/run` report everything and fail if anything fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from infra.settings import REPOSITORY
from streams.cli import develop

PASSES = ("json.tool", "--help")
FAILS = ("json.tool", "/nowhere/at/all.json")


@pytest.mark.parametrize(
    ("tools", "code"),
    [((PASSES, PASSES, PASSES), 0), ((FAILS, PASSES, PASSES), 1), ((PASSES, PASSES, FAILS), 1)],
)
def test_check_runs_all_tools(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tools: tuple[tuple[str, ...], ...],
    code: int,
) -> None:
    for name, tool in zip(("LINT", "FORMAT", "TYPES"), tools, strict=True):
        monkeypatch.setattr(develop, name, tool)
    with pytest.raises(typer.Exit) as caught:
        develop.check()
    errors = capsys.readouterr().err
    assert caught.value.exit_code == code
    assert errors.count("== json.tool") == 3
    assert errors.count("failed: ") == tools.count(FAILS)


@pytest.mark.parametrize("failing", ["", "compile", "check", "test"])
def test_ci_runs_all_commands(tmp_path: Path, failing: str) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci" / "run", tmp_path / ".ci")
    (tmp_path / "paper").write_text(f'#!/bin/sh\necho "ran $*"\ntest "$1" != "{failing}"\n')
    (tmp_path / "paper").chmod(0o755)
    done = subprocess.run(
        ["bash", tmp_path / ".ci" / "run"],
        cwd="/",
        env={**os.environ, "CC": "true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["ran compile", "ran check", "ran test"]
    assert (done.returncode != 0) == bool(failing)
