"""Installs Textual into the checkout's environment with the first `paper top`: most commands do without it."""

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from infra.build import environment
from infra.settings import IS_CHECKOUT, REPOSITORY
from streams.errors import InputError

LOCK_NAME = "requirements-top.lock"


def bring_textual() -> None:
    """Installs Textual unless it is there. Raises InputError if it can't, with the command that does."""
    if find_spec("textual"):
        return
    venv = REPOSITORY / ".venv"
    if not IS_CHECKOUT or Path(sys.prefix).resolve() != venv.resolve():
        raise InputError("the terminal view needs Textual: run `pip install 'paper-trading-streams[top]'`")
    text = "paper: installing Textual, which draws the terminal view (some seconds, once)"
    try:
        environment.add(venv, REPOSITORY / LOCK_NAME, lambda: print(text, file=sys.stderr, flush=True))
    except subprocess.CalledProcessError as error:
        raise InputError(
            f"the terminal view needs Textual, and its installation failed (exit code {error.returncode}): correct the "
            f"cause above, or run `{venv}/bin/python -m pip install --require-hashes -r {REPOSITORY / LOCK_NAME}`"
        ) from error
    importlib.invalidate_caches()
