"""The HTTP service as a server of the stack, started as `paper serve`."""

from __future__ import annotations

import os
import sys
from typing import ClassVar

from infra.settings import REPOSITORY, Settings
from infra.stack.server_process import Launch, Progress, http_answers

HOST = "127.0.0.1"


class HttpService:
    """The service on loopback."""

    name: ClassVar[str] = "serve"

    def address(self, settings: Settings) -> tuple[str, int]:
        return HOST, settings.serve_port

    def ports(self, settings: Settings) -> dict[int, str]:
        return {settings.serve_port: "SERVE_PORT"}

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        command = [sys.executable, "-P", "-m", "streams.cli", "serve"]
        return Launch(command, settings.as_environment() | {"PYTHONPATH": os.fspath(REPOSITORY)})

    def is_ready(self, settings: Settings) -> bool:
        return http_answers(f"http://{HOST}:{settings.serve_port}/v1/openapi.json")
