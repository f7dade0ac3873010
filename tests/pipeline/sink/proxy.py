"""A TCP proxy for ClickHouse that can lose the response to an insert."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.infra.clickhouse_servers import LocalServer

INSERT = b"insert_deduplication_token"
CHUNK = 65_536


class Proxy:
    """A proxy. on_answer: called before the response to an insert is passed on; true drops the response."""

    def __init__(self, server: LocalServer, on_answer: Callable[[], bool]) -> None:
        self._server_port = server.port
        self._on_answer = on_answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.url = server.url.replace(f":{server.port}", f":{self._listener.getsockname()[1]}")
        self._start(self._accept)

    def close(self) -> None:
        """Closes all connections."""
        for each in [self._listener, *self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port))
        except ConnectionError:
            client.close()
            return
        self._sockets.append(server)
        inserting = threading.Event()
        self._start(lambda: self._pass_requests(client, server, inserting))
        self._start(lambda: self._pass_answers(server, client, inserting))

    def _pass_requests(self, client: socket.socket, server: socket.socket, inserting: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(CHUNK):
                if INSERT in data:
                    inserting.set()
                server.sendall(data)
        _end(server)

    def _pass_answers(self, server: socket.socket, client: socket.socket, inserting: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if inserting.is_set() and self._on_answer():
                    break
                inserting.clear()
                client.sendall(data)
        _end(client)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(server: LocalServer, on_answer: Callable[[], bool]) -> Iterator[str]:
    """Runs a proxy and yields its URL, with the server's user and password."""
    running = Proxy(server, on_answer)
    try:
        yield running.url
    finally:
        running.close()
