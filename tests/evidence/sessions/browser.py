"""Opens a page in a real headless browser and returns its DOM, network requests and console."""

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
"""The origin that the browser names for its own requests, as for updates. The resolver's rule blocks them."""


class Opened(NamedTuple):
    """An opened page. dom: the page as the browser sees it; requests: requested addresses; console: logged messages."""

    dom: str
    requests: list[str]
    console: list[str]


def open_page(path: Path, folder: Path) -> Opened:
    """Opens a file. folder: for the browser's profile. Skips the test if Chromium is missing."""
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
