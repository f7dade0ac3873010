"""Makes a virtual environment from a lock. Runs before any dependency exists: standard library only."""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

LOCK_NAME = "requirements.lock"
PIP_INSTALL = ("--disable-pip-version-check", "install", "--quiet", "--no-deps", "--require-hashes")


def is_whole(target: Path, lock: Path) -> bool:
    """Whether the environment was finished from the present requirements."""
    stamp = target / LOCK_NAME
    return stamp.is_file() and (target / "bin" / "python").exists() and filecmp.cmp(lock, stamp, shallow=False)


def make(target: Path, lock: Path, say: Callable[[], None]) -> Path:
    """Makes the environment anew, unless it is whole or another process has just done it; its Python.

    say: called before the work begins, which takes a while.

    Raises:
        subprocess.CalledProcessError: pip failed; its own message stands on stderr.
    """
    python = target / "bin" / "python"
    guard = os.open(target.parent, os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if is_whole(target, lock):
            return python
        say()
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=True).create(target)
        subprocess.run([python, "-m", "pip", *PIP_INSTALL, "-r", lock], check=True, stdout=sys.stderr)
        temporary = target / f"{LOCK_NAME}.new"
        shutil.copyfile(lock, temporary)
        temporary.replace(target / LOCK_NAME)
    finally:
        os.close(guard)
    return python


def main(root: Path) -> None:
    """The environment of the project in a folder, and in it the compiled core, without which all works, but slower."""
    text = "paper: first run, making the Python environment in .venv (about a minute)"
    python = make(root / ".venv", root / LOCK_NAME, lambda: print(text, flush=True))
    print("paper: compiling the core (about two minutes, once)", flush=True)
    subprocess.run(
        [python, "-P", "-m", "infra.build.compile"], env={**os.environ, "PYTHONPATH": str(root)}, check=False
    )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"paper: pip failed (exit code {error.returncode}); mend the cause above and run again")
