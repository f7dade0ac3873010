"""The first run of a checkout: its environment is made and its core compiled. Standard library only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from infra.build.compile import compiler, take_from_cache
from infra.build.environment import LOCK_NAME, make

VENV = ".venv"


def main(root: Path) -> None:
    """Makes the project's environment, unless it is whole, and provides its compiled core.

    Raises:
        subprocess.CalledProcessError: pip failed; its own message is on stderr.
    """
    said: list[str] = []

    def say() -> None:
        said.append(f"paper: first run, making the Python environment in {VENV} (about half a minute)")
        print(said[0], flush=True)

    python = make(root / VENV, root / LOCK_NAME, say)
    if said and not take_from_cache(root) and compiler():
        compile_in_background(python, root)


def compile_in_background(python: Path, root: Path) -> None:
    """Starts the compilation of the core, which outlives this process. Until it is done, Python reads the core."""
    log = root / VENV / "compile.log"
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


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"paper: pip failed (exit code {error.returncode}); correct the cause above and run again")
