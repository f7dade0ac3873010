"""Local ClickHouse servers that a test may start and kill."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import clickhouse_connect
import requests
from clickhouse_connect.driver.client import Client

from infra.clickhouse.users import PAPER, make_passwords, read_password
from infra.settings import REPOSITORY
from tests.stacks import free_port

DEADLINE_S = 60


class LocalServer:
    """A server process on a folder, used as a context manager."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder.parent / f"{folder.name}.log"
        self.credentials = folder.parent / f"{folder.name}-credentials"
        make_passwords(self.credentials)
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address with the pipeline's user and password."""
        return self.url_of(PAPER)

    def url_of(self, user: str) -> str:
        """Returns the address with a user and its password."""
        return f"http://{user}:{read_password(self.credentials, user)}@127.0.0.1:{self.port}"

    def __enter__(self) -> LocalServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts a process on the folder, without waiting for it."""
        command = [sys.executable, "-m", "infra.chdb.server", "--data", str(self.folder)]
        command += ["--credentials", str(self.credentials)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--port", str(self.port), *self.options], cwd=REPOSITORY, stdout=log, stderr=log
            )

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        self.process = self.launch()
        deadline = time.monotonic() + DEADLINE_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the server did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self) -> int:
        """Stops the server with SIGTERM and returns its exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()

    def kill(self) -> None:
        """Kills the server with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self, **options: object) -> Client:
        """Returns a client with its own session."""
        who = {"username": PAPER, "password": read_password(self.credentials, PAPER)}
        return clickhouse_connect.get_client(host="127.0.0.1", port=self.port, **who | options)  # type: ignore[arg-type]

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.address}/ping", timeout=5).text == "Ok.\n"
        except requests.ConnectionError:
            return False
