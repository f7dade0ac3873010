"""A line to a local server that a test can cut and mend."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread

BYTES = 65_536


class CutLine:
    """Passes bytes on between clients of a port and a server, until it is cut; then it refuses clients."""

    def __init__(self, server_port: int, port: int) -> None:
        self._server_port, self.port = server_port, port
        self._lock = Lock()
        self._open: list[socket.socket] = []
        self._door: socket.socket | None = None

    def mend(self) -> None:
        """Takes clients from now on."""
        door = socket.create_server(("127.0.0.1", self.port))
        self._door = door
        Thread(target=self._take_clients, args=(door,), daemon=True).start()

    def cut(self) -> None:
        """Breaks all connections, and refuses new ones."""
        with self._lock:
            sockets, self._open = [*self._open, *([self._door] if self._door else [])], []
            self._door = None
        for item in sockets:
            # Its other side may have closed it before.
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def _take_clients(self, door: socket.socket) -> None:
        while True:
            try:
                client, _ = door.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            with self._lock:
                self._open += [client, server]
            for source, target in ((client, server), (server, client)):
                Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    # A cut ends it.
    with suppress(OSError):
        while data := source.recv(BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(server_port: int, port: int) -> Iterator[CutLine]:
    """Runs a line inside the block."""
    line = CutLine(server_port, port)
    line.mend()
    try:
        yield line
    finally:
        line.cut()
