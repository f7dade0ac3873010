"""The server process keeps its data through kill -9, stops cleanly, and is the only one on its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.infra.clickhouse_servers import DEADLINE_S, LocalServer


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("own") / "data") as running:
        yield running


def test_rows_survive_kill_and_stop(own_server: LocalServer) -> None:
    with closing(own_server.client()) as client:
        client.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        for first in range(0, 50_000, 10_000):
            client.insert("t", [range(first, first + 10_000)], column_names=["a"], column_oriented=True)
    own_server.kill()
    own_server.start()
    with closing(own_server.client()) as client:
        assert client.query("SELECT count(), sum(a) FROM t").result_rows == [(50_000, 1_249_975_000)]
    assert own_server.stop() == 0
    own_server.start()
    with closing(own_server.client()) as client:
        assert client.command("SELECT count() FROM t") == 50_000


def test_a_repeated_token_is_known_after_kill(own_server: LocalServer) -> None:
    settings = {"insert_deduplication_token": "t:0:0-1", "async_insert": 0}
    with closing(own_server.client()) as client:
        window = "SETTINGS non_replicated_deduplication_window = 100"
        client.command(f"CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a {window}")
        client.raw_insert("t", insert_block=b"1\n2\n", fmt="CSV", settings=settings)
    own_server.kill()
    own_server.start()
    with closing(own_server.client()) as client:
        client.raw_insert("t", insert_block=b"1\n2\n", fmt="CSV", settings=settings)
        assert client.command("SELECT count() FROM t") == 2


def test_a_second_process_on_the_folder_says_who_holds_it(own_server: LocalServer) -> None:
    assert own_server.process is not None
    second = LocalServer(own_server.folder)
    process = second.launch()
    assert process.wait(DEADLINE_S) == 1
    assert f"process {own_server.process.pid} already serves this data folder" in second.log.read_text()
    with closing(own_server.client()) as client:
        assert client.ping()


def test_a_taken_port_is_named(own_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    second = LocalServer(tmp_path_factory.mktemp("second") / "data")
    second.port = own_server.port
    assert second.launch().wait(DEADLINE_S) == 1
    assert f"127.0.0.1:{own_server.port}: " in second.log.read_text()
