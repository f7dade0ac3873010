"""The `paper` script: makes its environment once, whole or not at all, and hands over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from shutil import ignore_patterns

import pytest

from infra.build.compiled import SWITCH
from infra.settings import REPOSITORY

PROBE = """\
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "prefix": sys.prefix, "path": os.environ["PYTHONPATH"]}))
sys.exit(7 if "fail" in sys.argv else 0)
"""
TIMEOUT_S = 300
LOCKS = (
    *("requirements.lock", "requirements-dev.lock", "requirements-compile.lock", "requirements-install.lock"),
    "infra/peers/requirements.lock",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of the same shape without dependencies: its environment takes seconds and no network."""
    root = tmp_path / "a project"
    (root / "streams" / "cli").mkdir(parents=True)
    shutil.copy(REPOSITORY / "paper", root)
    shutil.copytree(REPOSITORY / "infra" / "build", root / "infra" / "build", ignore=ignore_patterns("__pycache__"))
    (root / "requirements.lock").write_text("")
    (root / "streams" / "cli" / "__main__.py").write_text(PROBE)
    return root


def environment(project: Path) -> dict[str, str]:
    """Returns variables of a user with a home of its own, who wants no compiled code."""
    return {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHON": sys.executable, SWITCH: "0"}


def command(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "paper", *arguments],
        cwd="/",
        env=environment(project) | variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_the_first_run_makes_the_environment_and_later_ones_find_it(project: Path, tmp_path: Path) -> None:
    first = command(project, "one", "two words", "-h")
    assert first.returncode == 0, first.stderr
    assert '"arguments": ["one", "two words", "-h"]' in first.stdout
    assert str(project / ".venv") in first.stdout
    assert "first run" in first.stderr

    second = command(project, "fail", PYTHON="/nowhere/python")
    assert second.returncode == 7
    assert second.stderr == ""

    # By a link, and from a folder that has packages of the same names.
    link = tmp_path / "link"
    link.symlink_to(project / "paper")
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    linked = subprocess.run([link, "x"], cwd=REPOSITORY, env=inherited, capture_output=True, text=True, check=False)
    assert '"arguments": ["x"]' in linked.stdout, linked.stderr


def test_an_environment_that_is_not_whole_is_made_anew(project: Path) -> None:
    """Half made by an interrupted run; made from another lock; its Python was removed from the machine."""
    venv = project / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    assert_made_anew(project)
    (project / "requirements.lock").write_text("# changed\n")
    assert_made_anew(project)
    (venv / "bin" / "python").unlink()
    assert_made_anew(project)
    assert command(project).stderr == ""


def assert_made_anew(project: Path) -> None:
    leftover = project / ".venv" / "leftover"
    leftover.touch()
    again = command(project)
    assert again.returncode == 0, again.stderr
    assert "first run" in again.stderr
    assert not leftover.exists()


def test_a_failed_install_leaves_no_environment_that_counts(project: Path) -> None:
    (project / "requirements.lock").write_text("nothing-of-this-name @ file:///nowhere/at/all.whl\n")
    failed = command(project)
    assert failed.returncode == 1
    assert "pip failed" in failed.stderr
    assert failed.stdout == ""
    assert not (project / ".venv" / "requirements.lock").exists()


def test_first_runs_at_the_same_time_make_one_environment(project: Path) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    runs = [
        subprocess.Popen([project / "paper", str(i)], env=environment(project), text=True, **pipes) for i in range(3)
    ]
    results = [run.communicate(timeout=TIMEOUT_S) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], results
    assert sum("first run" in errors for _, errors in results) == 1


def test_no_usable_python_is_said_with_a_remedy(project: Path) -> None:
    done = command(project, PYTHON="/nowhere/python")
    assert done.returncode == 1
    assert "Python 3.11" in done.stderr
    assert "PYTHON=" in done.stderr
    assert not (project / ".venv").exists()


def test_processes_keep_the_bytecode_of_what_they_import(project: Path) -> None:
    (project / "streams" / "probed.py").touch()
    (project / "streams" / "cli" / "__main__.py").write_text("import streams.probed")
    assert command(project, PYTHONDONTWRITEBYTECODE="1").returncode == 0
    assert list((project / "streams" / "__pycache__").glob("probed.*.pyc"))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_names_no_index(lock: str) -> None:
    lines = (REPOSITORY / lock).read_text().splitlines()
    requirements = [index for index, line in enumerate(lines) if "==" in line and not line.startswith(" ")]
    assert requirements
    for index in requirements:
        assert lines[index + 1].strip().startswith("--hash=sha256:"), lines[index]
    assert not [line for line in lines if "://" in line or line.startswith("-")]
