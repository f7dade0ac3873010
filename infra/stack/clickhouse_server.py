"""The local ClickHouse as a server of the stack; its program is infra/chdb/server.py."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from infra.clickhouse.users import credentials_folder, make_passwords
from infra.settings import REPOSITORY, Settings
from infra.stack.server_process import Launch, Pem, Progress, data_folder, http_answers


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
        credentials = credentials_folder(settings)
        make_passwords(credentials)
        module = ["-P", "-m", "infra.chdb.server"]
        options = ["--data", data, "--credentials", os.fspath(credentials), "--host", host, "--port", str(port)]
        return Launch(
            [sys.executable, *module, *options],
            {"PYTHONPATH": os.fspath(REPOSITORY)},
        )

    def is_ready(self, settings: Settings) -> bool:
        # CLICKHOUSE_URL may hold a password, which /ping does not ask for.
        pem = Pem(settings.clickhouse_ca_file, settings.clickhouse_certificate_file, settings.clickhouse_key_file)
        url = urlsplit(settings.clickhouse_url)
        return http_answers(url._replace(netloc=url.netloc.rpartition("@")[2], path="/ping").geturl(), pem)
