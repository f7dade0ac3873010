"""A webhook on the loopback interface, which takes messages or refuses them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import NamedTuple

AWAIT_S = 60.0


class Received(NamedTuple):
    """A message as it came."""

    title: str
    body: str


class Receiver:
    """A webhook. on_message: called before the answer, which is a refusal if it returns False."""

    def __init__(self, port: int) -> None:
        self.url = f"json://127.0.0.1:{port}"
        self.messages: Queue[Received] = Queue()
        self.on_message: Callable[[], bool] = lambda: True

    def next(self) -> Received:
        """Waits for a message that was taken or refused."""
        return self.messages.get(timeout=AWAIT_S)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Runs a webhook inside the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken = hook.on_message()
            hook.messages.put(Received(document["title"], document["message"]))
            self.send_response(200 if taken else 500)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Receiver(server.server_port)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
