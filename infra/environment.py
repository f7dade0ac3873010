"""Makes the project's virtual environment. Runs before any dependency exists: standard library only."""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

LOCK_NAME = "requirements.lock"
PIP_INSTALL = ("--disable-pip-version-check", "install", "--quiet", "--no-deps", "--require-hashes")


def is_whole(root: Path) -> bool:
    """Whether the environment was finished from the present requirements."""
    stamp = root / ".venv" / LOCK_NAME
    python = root / ".venv" / "bin" / "python"
    return stamp.is_file() and python.exists() and filecmp.cmp(root / LOCK_NAME, stamp, shallow=False)


def make(root: Path) -> None:
    """Makes the environment anew, unless another process has just done it.

    Raises:
        subprocess.CalledProcessError: pip failed; its own message stands on stderr.
    """
    guard = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if is_whole(root):
            return
        print("paper: first run, making the Python environment in .venv (about a minute)", flush=True)
        target = root / ".venv"
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=True).create(target)
        subprocess.run([target / "bin" / "python", "-m", "pip", *PIP_INSTALL, "-r", root / LOCK_NAME], check=True)
        temporary = target / f"{LOCK_NAME}.new"
        shutil.copyfile(root / LOCK_NAME, temporary)
        temporary.replace(target / LOCK_NAME)
    finally:
        os.close(guard)


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"paper: pip failed (exit code {error.returncode}); mend the cause above and run again")
