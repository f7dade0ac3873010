"""Installs Apprise into the checkout's environment with the first `paper notify`: most users do without it."""

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from infra.build import environment
from infra.settings import IS_CHECKOUT, REPOSITORY
from streams.errors import InputError

LOCK_NAME = "requirements-notify.lock"


def bring_apprise() -> None:
    """Installs Apprise unless it is there. Raises InputError if it can't, with the command that does."""
    if find_spec("apprise"):
        return
    venv = REPOSITORY / ".venv"
    if not IS_CHECKOUT or Path(sys.prefix).resolve() != venv.resolve():
        raise InputError("notices need Apprise: run `pip install 'paper-trading-streams[notify]'`")
    text = "paper: installing Apprise, which delivers notices (some seconds, once)"
    try:
        environment.add(venv, REPOSITORY / LOCK_NAME, lambda: print(text, file=sys.stderr, flush=True))
    except subprocess.CalledProcessError as error:
        raise InputError(
            f"notices need Apprise, and its installation failed (exit code {error.returncode}): correct the cause "
            f"above, or run `{venv}/bin/python -m pip install --require-hashes -r {REPOSITORY / LOCK_NAME}`"
        ) from error
    importlib.invalidate_caches()
