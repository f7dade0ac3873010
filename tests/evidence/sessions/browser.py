"""A real browser, headless: what it makes of a page, what it asks the network for, and what goes wrong in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

TIMEOUT_S = 120
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
ITS_OWN = "not an origin"
"""Whom the browser names for what it asks by itself, as for its updates; the resolver's rule lets none of it out."""


class Opened(NamedTuple):
    """dom: the page as the browser has it; requests: addresses that it asked for; console: what was logged there."""

    dom: str
    requests: list[str]
    console: list[str]


def open_page(path: Path, folder: Path) -> Opened:
    """Opens a file; the browser's profile goes to folder. Skips where there is no Chromium."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no browser: install the Debian package chromium")
    log, profile = folder / "net.json", folder / "profile"
    command = [browser, *FLAGS, f"--user-data-dir={profile}", f"--log-net-log={log}", "--enable-logging=stderr"]
    done = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Opened(done.stdout, _requests(log), console)


def _requests(log: Path) -> list[str]:
    asked = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    by_page = {item["url"] for item in asked if item.get("initiator", ITS_OWN) != ITS_OWN}
    return sorted(url for url in by_page if not url.startswith("file:"))
