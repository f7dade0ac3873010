"""An attack on the doors of ClickHouse while the pipeline trades: all is refused, and nothing is lost."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests

from infra.clickhouse.client import connect
from infra.clickhouse.users import PAPER, READER, credentials_folder, read_password
from infra.settings import Settings
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import paper, running

DEADLINE_S = 120.0
POLL_S = 0.1
SLOW_BODIES, BOMBS, STORM = 20, 12, 40
HEAVY = "SELECT sum(cityHash64(number, toString(number))) FROM numbers(1000000000000)"


class Attacker:
    """Programs and web pages on this machine. It knows the reader's password; the page knows even the pipeline's."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        host, port = settings.clickhouse_host_port
        self.address = f"http://{host}:{port}"
        self._where = (host, port)
        self.folder = folder
        self.database = settings.clickhouse_database
        credentials = credentials_folder(settings)
        self.reader = (READER, read_password(credentials, READER))
        self.paper = (PAPER, read_password(credentials, PAPER))
        self.secret = folder / "secret.txt"
        self.secret.write_text("private words")
        self.inner = socket.create_server(("127.0.0.1", 0))
        self.inner.setblocking(False)

    def refused(self, text: str, who: tuple[str, str] | None, headers: dict[str, str] | None = None) -> None:
        """Sends a statement, by POST and by GET, and demands that it is refused and shows nothing."""
        for answer in (
            requests.post(self.address, data=text, auth=who, headers=headers, timeout=DEADLINE_S),
            requests.get(self.address, params={"query": text}, auth=who, headers=headers, timeout=DEADLINE_S),
        ):
            # 503: the storm has taken all places of the reader, and this request is told so.
            assert answer.status_code in (400, 403, 404, 503), f"{text}: {answer.status_code} {answer.text}"
            assert self.secret.read_text() not in answer.text

    def cross_site(self) -> None:
        """A page in a browser, also one that has learnt the password."""
        for who in (None, self.reader, self.paper):
            for headers in (
                {"Origin": "https://evil.example"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Host": "evil.example"},
            ):
                self.refused(f"SELECT * FROM {self.database}.orders", who, headers)
        self.refused(f"SELECT * FROM {self.database}.orders", None)

    def reach_outside(self) -> None:
        """Addresses and files, read and planted."""
        address = f"http://127.0.0.1:{self.inner.getsockname()[1]}/"
        planted = self.folder / "planted.py"
        for who in (self.reader, self.paper):
            self.refused(f"SELECT * FROM url('{address}', 'LineAsString')", who)
            self.refused(f"SELECT * FROM file('{self.secret}', 'LineAsString')", who)
            self.refused(f"SELECT arrayMap(file, ['{self.secret}'])", who)
            self.refused(f"SELECT * FROM `{self.secret}`", who)
            self.refused(f"SELECT 'code' INTO OUTFILE '{planted}'", who)
            self.refused(f"INSERT INTO FUNCTION file('{planted}', 'TSV', 'a String') SELECT 'code'", who)
            self.refused(f"INSERT INTO FUNCTION url('{address}', 'TSV', 'a String') SELECT 'code'", who)
        assert not planted.exists()
        with pytest.raises(BlockingIOError):
            self.inner.accept()

    def storm(self, stack: ExitStack) -> None:
        """Heavy queries, more than there are places. Their clients stay until the end of the attack."""
        for _ in range(STORM):
            self._send_raw(stack, f"Content-Length: {len(HEAVY)}", HEAVY.encode(), self.reader)

    def slow_bodies(self, stack: ExitStack) -> None:
        """Bodies that begin and do not go on."""
        for _ in range(SLOW_BODIES):
            self._send_raw(stack, "Content-Length: 1000000", b"SELECT", self.reader)

    def bombs(self) -> None:
        """Bodies of 100 MB in 100 kB, all at once."""
        bomb = gzip.compress(b"\0" * 100_000_000)
        headers = {"Content-Encoding": "gzip"}

        def throw(who: tuple[str, str] | None) -> int:
            insert = {"query": f"INSERT INTO {self.database}.orders FORMAT CSV"}
            return requests.post(
                self.address, params=insert, data=bomb, headers=headers, auth=who, timeout=DEADLINE_S
            ).status_code

        with ThreadPoolExecutor(BOMBS) as pool:
            found = list(pool.map(throw, [None, self.reader, self.paper] * (BOMBS // 3)))
        assert all(status >= 400 for status in found), found

    def _send_raw(self, stack: ExitStack, header: str, body: bytes, who: tuple[str, str]) -> None:
        client = stack.enter_context(socket.create_connection(self._where))
        request = requests.Request("POST", self.address, auth=who).prepare()
        head = f"POST / HTTP/1.1\r\nHost: {self._where[0]}\r\nAuthorization: {request.headers['Authorization']}\r\n"
        client.sendall(f"{head}{header}\r\n\r\n".encode() + body)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def attacker(pipeline_settings: Settings, tmp_path: Path) -> Iterator[Attacker]:
    folder = tmp_path / "attack"
    folder.mkdir()
    with closing(Attacker(pipeline_settings, folder)) as attacker:
        yield attacker


def landed(settings: Settings) -> int:
    with closing(connect(settings)) as client:
        return int(client.query("SELECT uniqExact(order_id) FROM orders").result_rows[0][0])


def wait_until_landed(settings: Settings, count: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while landed(settings) < count:
        assert time.monotonic() < deadline, f"{landed(settings)} of {count} orders have landed"
        time.sleep(POLL_S)


def test_an_attack_on_clickhouse_is_refused_and_the_sink_goes_on(
    pipeline_settings: Settings, attacker: Attacker, tmp_path: Path
) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        desk.open_account("A")
        desk.quote(0)
        desk.trade([immediate("before", "A")])
        wait_until_landed(settings, 1)
        with ExitStack() as clients:
            attacker.storm(clients)
            attacker.slow_bodies(clients)
            with ThreadPoolExecutor(3) as pool:
                attacks = [
                    pool.submit(attack) for attack in (attacker.cross_site, attacker.reach_outside, attacker.bombs)
                ]
                for number in range(5):
                    desk.trade([immediate(f"during-{number}-{item}", "A") for item in range(4)])
                    # The storm still rages: its queries would run for hours.
                    wait_until_landed(settings, 1 + 4 * (number + 1))
                for attack in attacks:
                    attack.result()
        done = paper(settings, "reconcile", "--json", "--wait", "60")
    report = json.loads(done.stdout)
    assert report["passed"], report
    assert report["counts"]["orders"] == 21
    assert landed(settings) == 21
