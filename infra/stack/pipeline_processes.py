"""The supervised workers and sink as a part of the stack; the supervisor itself is streams/operations/supervisor."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import ClassVar

from infra.settings import REPOSITORY, Settings
from infra.stack.server_process import Launch, Progress, http_answers

HOST = "127.0.0.1"


@dataclass(frozen=True)
class PipelinePart:
    """So many workers and a sink."""

    OPTION: ClassVar[str] = "--workers"
    workers: int = 1

    @property
    def name(self) -> str:
        return "pipeline"

    def address(self, settings: Settings) -> tuple[str, int]:
        return HOST, settings.metrics_port

    def ports(self, settings: Settings) -> dict[int, str]:
        return {settings.metrics_port: "METRICS_PORT"}

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        command = [sys.executable, "-P", "-m", "streams.cli", "supervise", self.OPTION, str(self.workers)]
        return Launch(command, settings.as_environment() | {"PYTHONPATH": os.fspath(REPOSITORY)})

    def is_ready(self, settings: Settings) -> bool:
        return http_answers(f"http://{HOST}:{settings.metrics_port}/metrics")
