"""Installs ccxt into the checkout's environment with the first live market: users of files do without its 100 MB."""

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from infra.build import environment
from infra.settings import IS_CHECKOUT, REPOSITORY
from streams.errors import FeedError

LOCK_NAME = "requirements-live.lock"


def bring_ccxt() -> None:
    """Installs ccxt unless it is there. Raises FeedError if it can't, with the command that does."""
    if find_spec("ccxt"):
        return
    venv = REPOSITORY / ".venv"
    if not IS_CHECKOUT or Path(sys.prefix).resolve() != venv.resolve():
        raise FeedError("live markets need ccxt: run `pip install 'paper-trading-streams[live]'`")
    text = "paper: installing ccxt, which live markets need (half a minute, once)"
    try:
        environment.add(venv, REPOSITORY / LOCK_NAME, lambda: print(text, file=sys.stderr, flush=True))
    except subprocess.CalledProcessError as error:
        raise FeedError(
            f"live markets need ccxt, and its installation failed (exit code {error.returncode}): correct the cause "
            f"above, or run `{venv}/bin/python -m pip install --require-hashes -r {REPOSITORY / LOCK_NAME}`"
        ) from error
    importlib.invalidate_caches()
