"""Who may ask the local ClickHouse, how much at once, and for how long."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from infra.clickhouse.users import PAPER, READER, make_passwords, read_password
from infra.errors import SettingsError
from tests.infra.clickhouse_servers import DEADLINE_S, LocalServer

ENDLESS = "SELECT count() FROM numbers(1000000000000000)"
RUNNING = "SELECT count() FROM system.processes WHERE query LIKE '%1000000000000000%' AND query NOT LIKE '%processes%'"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(server: LocalServer) -> int:
    return int(requests.post(server.url, data=RUNNING).text)


def test_passwords_are_made_once_and_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    make_passwords(folder)
    before = [read_password(folder, user) for user in (PAPER, READER)]
    make_passwords(folder)
    assert [read_password(folder, user) for user in (PAPER, READER)] == before
    assert len(set(before)) == 2
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / PAPER).write_text("\n")
    with pytest.raises(SettingsError, match="is empty; delete it, run `paper up`"):
        read_password(folder, PAPER)
    with pytest.raises(SettingsError, match=r"user nobody has no password: .*paper up"):
        read_password(folder, "nobody")


def test_nobody_asks_without_a_password(server: LocalServer) -> None:
    password = read_password(server.credentials, PAPER)
    wrong = [
        requests.get(server.address, params={"query": "SELECT 1"}),
        requests.post(server.address, data="SELECT 1"),
        requests.post(server.address, data="SELECT 1", auth=("default", "")),
        requests.post(server.address, data="SELECT 1", auth=(PAPER, "")),
        requests.post(server.address, data="SELECT 1", auth=(READER, password)),
        requests.post(server.address, data="SELECT 1", headers={"Authorization": "Basic not-base64"}),
        requests.post(server.address, data="SELECT 1", headers={"X-ClickHouse-User": PAPER}),
        requests.get(server.address, params={"query": "SELECT 1", "user": PAPER, "password": "guess"}),
    ]
    for answer in wrong:
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516"), answer.text
        # A browser must not ask its user for the password of this server.
        assert "WWW-Authenticate" not in answer.headers
        assert password not in answer.text
    assert requests.get(f"{server.address}/ping").text == "Ok.\n"


def test_a_password_comes_by_basic_authentication_headers_or_url(server: LocalServer) -> None:
    password = read_password(server.credentials, READER)
    right = [
        requests.post(server.address, data="SELECT 1", auth=(READER, password)),
        requests.post(
            server.address, data="SELECT 1", headers={"X-ClickHouse-User": READER, "X-ClickHouse-Key": password}
        ),
        requests.get(server.address, params={"query": "SELECT 1", "user": READER, "password": password}),
    ]
    assert [answer.text for answer in right] == ["1\n"] * 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Host": "example.com"},
        {"Host": "[broken"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Referer": "https://example.com/"},
    ],
    ids=str,
)
def test_web_pages_are_refused_even_with_the_password(server: LocalServer, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        answer = requests.request(method, server.url, params={"query": "SELECT 1"}, headers=headers)
        assert answer.status_code in (400, 403), answer.text
        assert answer.text != "1\n"
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_users_have_sessions_of_their_own(server: LocalServer) -> None:
    session = {"session_id": "shared"}
    requests.post(server.url, params=session, data="CREATE TEMPORARY TABLE own (a Int8)").raise_for_status()
    answer = requests.post(server.url_of(READER), params=session, data="SELECT * FROM own")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "60"
    assert requests.post(server.url_of(READER), params=session, data="SELECT 1").text == "1\n"


def test_a_computing_query_is_cancelled_when_its_client_leaves(server: LocalServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        request = requests.Request("POST", server.url, data=ENDLESS).prepare()
        headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        authorization = requests.auth._basic_auth_str(READER, read_password(server.credentials, READER))
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n{headers}\r\n"
        client.sendall(head.encode() + ENDLESS.encode())
        wait_for(lambda: running(server) == 1)
    wait_for(lambda: running(server) == 0)


def test_a_storm_of_queries_is_bounded_and_stops_nobody_else(server: LocalServer) -> None:
    """More endless queries than the reader has places and waiting room: the rest is told so, the pipeline goes on."""
    answers: list[int] = []
    clients: list[socket.socket] = []
    authorization = requests.auth._basic_auth_str(READER, read_password(server.credentials, READER))
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n"
    head += f"Content-Length: {len(ENDLESS)}\r\n\r\n"

    def storm() -> None:
        client = socket.create_connection(("127.0.0.1", server.port))
        clients.append(client)
        client.sendall(head.encode() + ENDLESS.encode())
        answers.append(int((client.recv(100) or b"HTTP/1.1 000").split()[1]))

    threads = [threading.Thread(target=storm) for _ in range(30)]
    try:
        for thread in threads:
            thread.start()
        # 3 run and 16 wait.
        wait_for(lambda: len(answers) >= 30 - 3 - 16)
        assert set(answers) == {503}
        assert requests.post(server.url, data="SELECT 1").text == "1\n"
        assert running(server) <= 3
    finally:
        for client in clients:
            client.shutdown(socket.SHUT_RDWR)
            client.close()
        for thread in threads:
            thread.join()
    wait_for(lambda: running(server) == 0)


def test_bodies_together_are_bounded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Many bombs at once get errors; the server's memory stays within the bound of all bodies."""
    with LocalServer(tmp_path_factory.mktemp("small") / "data", "--body-mb", "64", "--bodies-mb", "128") as small:
        assert small.process is not None
        requests.post(small.url, data="CREATE TABLE t (a String) ENGINE = Null").raise_for_status()
        before = resident_bytes(small.process.pid)
        bomb = gzip.compress(b"x" * (63 << 20))
        insert = {"query": "INSERT INTO t FORMAT LineAsString"}
        answers: list[int] = []

        def throw() -> None:
            answer = requests.post(small.url, params=insert, data=bomb, headers={"Content-Encoding": "gzip"})
            answers.append(answer.status_code)

        threads = [threading.Thread(target=throw) for _ in range(12)]
        peak = before
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            peak = max(peak, resident_bytes(small.process.pid))
        assert 503 in answers
        assert set(answers) <= {200, 503}
        # 12 bombs hold 756 MB unbounded, and the engine reads each once more: 1.5 GB.
        assert peak - before < 750 << 20
        throw()
        assert answers[-1] == 200
        assert json.loads(requests.post(small.url, data="SELECT 1 FORMAT JSON").text)["rows"] == 1


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
