"""The local ClickHouse as a server of the stack; its program is infra/chdb/server.py."""

from __future__ import annotations

import os
import sys

from infra.settings import REPOSITORY, Settings
from infra.stack.server_process import Launch, Progress, data_folder, http_answers


class ClickHouseServer:
    """chDB behind ClickHouse's HTTP interface."""

    name = "clickhouse"

    def address(self, settings: Settings) -> tuple[str, int]:
        return settings.clickhouse_host_port

    def ports(self, settings: Settings) -> dict[int, str]:
        return {settings.clickhouse_host_port[1]: "CLICKHOUSE_URL"}

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        host, port = self.address(settings)
        data = os.fspath(data_folder(settings, self.name))
        module = ["-P", "-m", "infra.chdb.server"]
        return Launch(
            [sys.executable, *module, "--data", data, "--host", host, "--port", str(port)],
            {"PYTHONPATH": os.fspath(REPOSITORY)},
        )

    def is_ready(self, settings: Settings) -> bool:
        return http_answers(settings.clickhouse_url.rstrip("/") + "/ping")
