"""Installs the packages of an extra into the checkout's environment when a command first needs them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from infra.build import environment
from infra.errors import MissingExtra
from infra.settings import IS_CHECKOUT, REPOSITORY


class Extra(NamedTuple):
    """An optional extra.

    Attributes:
        name: in pyproject.toml; requirements-NAME.lock pins it.
        module: the module that is imported.
        title: the package's name as people write it.
        need: what needs it, and the verb.
        wait: how long the installation takes, in words.
    """

    name: str
    module: str
    title: str
    need: str
    wait: str


LIVE = Extra("live", "ccxt", "ccxt", "live markets need", "half a minute")
ALPACA = Extra("live", "alpaca", "alpaca-py", "Alpaca's streams need", "half a minute")
NOTIFY = Extra("notify", "apprise", "Apprise", "notices need", "some seconds")
TOP = Extra("top", "textual", "Textual", "the terminal view needs", "some seconds")


def bring(extra: Extra) -> None:
    """Installs an extra unless it is there. Raises MissingExtra if it can't, with the command that does."""
    if find_spec(extra.module):
        return
    venv, lock = REPOSITORY / ".venv", REPOSITORY / f"requirements-{extra.name}.lock"
    need = f"{extra.need} {extra.title}"
    if not IS_CHECKOUT or Path(sys.prefix).resolve() != venv.resolve():
        raise MissingExtra(f"{need}: run `pip install 'paper-trading-streams[{extra.name}]'`")
    text = f"paper: installing {extra.title}, which {extra.need} ({extra.wait}, once)"
    try:
        environment.add(venv, lock, lambda: print(text, file=sys.stderr, flush=True))
    except subprocess.CalledProcessError as error:
        raise MissingExtra(
            f"{need}, and its installation failed (exit code {error.returncode}): correct the cause above, or run "
            f"`{venv}/bin/python -m pip install --require-hashes -r {lock}`"
        ) from error
    importlib.invalidate_caches()
