"""Makes virtual environments from locks. Runs before any dependency exists: standard library only."""

from __future__ import annotations

import fcntl
import filecmp
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_NAME = "requirements.lock"
DEV_LOCK_NAME = "requirements-dev.lock"
COMPILE_LOCK_NAME = "requirements-compile.lock"
INSTALL_LOCK = Path(__file__).resolve().parents[2] / "requirements-install.lock"
STRICT = ("--quiet", "--no-deps", "--require-hashes")


def is_whole(target: Path, lock: Path) -> bool:
    """Returns whether the environment has all that the lock asks for."""
    stamp = target / lock.name
    return stamp.is_file() and (target / "bin" / "python").exists() and filecmp.cmp(lock, stamp, shallow=False)


def make(target: Path, lock: Path, say: Callable[[], None]) -> Path:
    """Makes the environment anew, unless it is whole or another process has just made it; returns its Python.

    say: called before the work begins, which takes a while.

    Raises:
        subprocess.CalledProcessError: pip failed; its own message is on stderr.
    """
    python = target / "bin" / "python"
    with guarded(target.parent):
        if not is_whole(target, lock):
            say()
            venv.EnvBuilder(clear=True, symlinks=True).create(target)
            _fill(target, lock)
    return python


def add(target: Path, lock: Path, say: Callable[[], None]) -> None:
    """Installs the packages of another lock into an existing environment, unless it has them.

    Raises:
        subprocess.CalledProcessError: pip failed; its own message is on stderr.
    """
    with guarded(target.parent):
        if not is_whole(target, lock):
            say()
            _fill(target, lock)


def install(python: Path, lock: Path, *options: str) -> None:
    """Installs the packages of a lock with uv if it is there or can be had, else with pip.

    Raises:
        subprocess.CalledProcessError: pip failed; its own message is on stderr.
    """
    uv = _uv(python)
    if uv:
        command = [uv, "pip", "install", "--python", str(python)]
        done = subprocess.run([*command, *STRICT, *options, "-r", str(lock)], stdout=sys.stderr, check=False)
        if done.returncode == 0:
            return
        print("paper: uv failed; trying pip", file=sys.stderr, flush=True)
    _pip_install(python, lock, *options)


def _uv(python: Path) -> str | None:
    """Returns the path of uv, which it adds to the environment if there is none; None if that fails."""
    beside = [environment.with_name("uv") for environment in (Path(sys.executable), python)]
    found = shutil.which("uv") or next((path for path in beside if path.exists()), None)
    if found is None and INSTALL_LOCK.exists():
        with suppress(subprocess.CalledProcessError):
            _pip_install(python, INSTALL_LOCK)
            found = beside[-1]
    return os.fspath(found) if found else None


def _pip_install(python: Path, lock: Path, *options: str) -> None:
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--python", os.fspath(python)]
    else:
        subprocess.run([python, "-m", "ensurepip"], check=False, capture_output=True)
        pip = [os.fspath(python), "-m", "pip"]
    # Python makes bytecode of what is imported; making it for all packages takes longer than their installation.
    strict = ("--disable-pip-version-check", "install", "--no-compile", *STRICT)
    subprocess.run([*pip, *strict, *options, "-r", lock], check=True, stdout=sys.stderr)


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Waits until no other process changes the environment in a folder, and keeps others waiting."""
    guard = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
    finally:
        os.close(guard)


def _fill(target: Path, lock: Path) -> None:
    """Installs a lock, and notes at the very end that it is there."""
    install(target / "bin" / "python", lock)
    temporary = target / f"{lock.name}.new"
    shutil.copyfile(lock, temporary)
    temporary.replace(target / lock.name)
