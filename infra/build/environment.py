"""Makes virtual environments from locks. Runs before any dependency exists: standard library only."""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = "requirements.lock"
DEV_LOCK_NAME = "requirements-dev.lock"
COMPILE_LOCK_NAME = "requirements-compile.lock"
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
            venv.EnvBuilder(clear=True, symlinks=True, with_pip=shutil.which("uv") is None).create(target)
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
    """Installs the packages of a lock with uv if it is there and works, else with pip.

    Raises:
        subprocess.CalledProcessError: pip failed; its own message is on stderr.
    """
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--compile-bytecode", "--python", str(python)]
        done = subprocess.run([*command, *STRICT, *options, "-r", str(lock)], stdout=sys.stderr, check=False)
        if done.returncode == 0:
            return
        print("paper: uv failed; trying pip", file=sys.stderr, flush=True)
        subprocess.run([python, "-m", "ensurepip"], check=False, capture_output=True)
    # Bytecode is made here once: under PYTHONDONTWRITEBYTECODE each process would make it for itself.
    strict = ("--disable-pip-version-check", "install", *STRICT)
    subprocess.run([python, "-m", "pip", *strict, *options, "-r", lock], check=True, stdout=sys.stderr)


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


def compile_in_background(python: Path, root: Path) -> None:
    """Starts the compilation of the core, which outlives this process. Until it is done, Python reads the core."""
    log = root / ".venv" / "compile.log"
    text = f"paper: compiling the core in the background, once (log: {log.relative_to(root)}); until then it is slower"
    print(text, flush=True)
    with log.open("wb") as output:
        subprocess.Popen(
            [python, "-P", "-m", "infra.build.compile", "--background"],
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def main(root: Path) -> None:
    """Makes the project's environment and starts the compilation of its core."""
    said: list[str] = []

    def say() -> None:
        said.append("paper: first run, making the Python environment in .venv (about a minute)")
        print(said[0], flush=True)

    python = make(root / ".venv", root / LOCK_NAME, say)
    if said:
        compile_in_background(python, root)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"paper: pip failed (exit code {error.returncode}); correct the cause above and run again")
