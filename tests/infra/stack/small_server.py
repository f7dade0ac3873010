"""A small server for tests of the stack's logic: a real process that starts quickly."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.settings import Settings
from infra.stack.server_process import Launch, Progress, http_answers

SERVE = "import sys, http.server as h; h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVE
DIE = "import sys; sys.exit('cannot go on: the moon is wrong')"
HANG = "import time; time.sleep(600)"


class SmallServer:
    """An HTTP server that lists its folder, on the port of CLICKHOUSE_URL."""

    def __init__(self, name: str = "small", program: str = SERVE) -> None:
        self._name = name
        self.program = program
        self.prepared = 0

    @property
    def name(self) -> str:
        return self._name

    def address(self, settings: Settings) -> tuple[str, int]:
        return settings.clickhouse_host_port

    def ports(self, settings: Settings) -> dict[int, str]:
        return {self.address(settings)[1]: "CLICKHOUSE_URL"}

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        self.prepared += 1
        folder = Path(settings.paper_home / self.name)
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", self.program, str(self.address(settings)[1])]
        return Launch(command, {"PYTHONUNBUFFERED": "1"})

    def is_ready(self, settings: Settings) -> bool:
        return http_answers(f"{settings.clickhouse_url}/pyproject.toml")
