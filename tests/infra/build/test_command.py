"""The `paper` script: makes its environment once, whole or not at all, and hands over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from shutil import ignore_patterns
from zipfile import ZipFile, ZipInfo

import pytest

from infra.build.compiled import SWITCH
from infra.settings import REPOSITORY

PROBE = """\
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "prefix": sys.prefix, "path": os.environ["PYTHONPATH"]}))
sys.exit(7 if "fail" in sys.argv else 0)
"""
TIMEOUT_S = 300
SYSTEM_PATH = "/usr/bin:/bin"
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


def write_uv(folder: Path, code: int) -> str:
    """Writes a `uv` that says what it is asked and ends; returns a search path that begins with it."""
    folder.mkdir()
    (folder / "uv").write_text(f'#!/bin/sh\necho "uv is asked: $*"\nexit {code}\n')
    (folder / "uv").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_uv_installs_where_it_is(project: Path, tmp_path: Path) -> None:
    done = command(project, PATH=write_uv(tmp_path / "bin", 0))
    assert done.returncode == 0, done.stderr
    python, lock = project / ".venv" / "bin" / "python", project / "requirements.lock"
    assert f"uv is asked: pip install --python {python} --quiet --no-deps --require-hashes -r {lock}" in done.stderr


def test_pip_installs_where_uv_fails(project: Path, tmp_path: Path) -> None:
    done = command(project, PATH=write_uv(tmp_path / "bin", 1))
    assert done.returncode == 0, done.stderr
    assert "uv failed; trying pip" in done.stderr


@pytest.mark.skipif(shutil.which("uv", path=SYSTEM_PATH) is not None, reason="the system has uv")
@pytest.mark.parametrize("there", [True, False], ids=["in the index", "nowhere"])
def test_uv_is_fetched_where_there_is_none(project: Path, tmp_path: Path, there: bool) -> None:
    wheel = tmp_path / "uv-1-py3-none-any.whl"
    script = ZipInfo("uv-1.data/scripts/uv")
    script.external_attr = 0o100755 << 16
    with ZipFile(wheel, "w") as content:
        content.writestr(script, "#!/bin/sh\necho the fetched uv installs\n")
        content.writestr("uv-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1\n")
        content.writestr("uv-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        content.writestr("uv-1.dist-info/RECORD", "")
    pin = f"uv @ {wheel.as_uri()} --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}\n"
    (project / "requirements-install.lock").write_text(pin)
    if not there:
        wheel.unlink()
    done = command(project, PATH=SYSTEM_PATH, PYTHON=os.path.realpath(sys.executable))
    assert done.returncode == 0, done.stderr
    assert ("the fetched uv installs" in done.stderr) == there


def test_first_runs_at_the_same_time_make_one_environment(project: Path) -> None:
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen([project / "paper", str(i)], env=environment(project), stdout=pipe, stderr=pipe, text=True)
        for i in range(3)
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
