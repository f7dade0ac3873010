"""A process that has the commands' modules loaded, and starts each `paper` command as a copy of itself.

A command is a process of its own: it has its own environment, settings, threads, signals and end. What it saves is the
second and more that Python takes to load the same modules for each. The host loads code only: it makes no settings, no
connection and no thread. Workers, sinks and whatever else runs on are started anew, as users start them.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MODULES = (
    "aiokafka.admin",
    "clickhouse_connect",
    "clickhouse_connect.driver.httpclient",
    "confluent_kafka.admin",
    "infra.kafka.diagnosis",
    "rich.console",
    "rich.table",
    "schemas.registry",
    "streams.cli.app",
    "streams.evidence.order_story",
    "streams.evidence.gate.gate_desk",
    "streams.evidence.metrics.compute_metrics",
    "streams.evidence.reconcile",
    "streams.evidence.replay.verify",
    "streams.evidence.replay.sweep",
    "streams.operations.health.health_collector",
    "streams.pipeline.clients.control_commands",
    "streams.pipeline.clients.producer",
    "streams.pipeline.prepare",
)
"""Modules that most commands import."""
DESCRIPTORS = 3
REQUEST_BYTES = 1


class Command(NamedTuple):
    """A command line with its environment."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


def next_command(control: socket.socket) -> Command:
    """Returns, in a new process each time, a command that this process must run. Ends when the tests have ended."""
    # Who has attended to a command is forgotten at once.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, DESCRIPTORS)
        if not descriptors:
            sys.exit()
        if os.fork() == 0:
            control.close()
            return _attend(socket.socket(fileno=descriptors[0]), *descriptors[1:])
        for descriptor in descriptors:
            os.close(descriptor)


def _attend(caller: socket.socket, stdout: int, stderr: int) -> Command:
    """Starts the caller's command, and tells its process id and, when it has ended, its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with caller.makefile("rb") as request:
        command = Command(**json.load(request))
    child = os.fork()
    if child == 0:
        caller.close()
        for ours, standard in ((stdout, 1), (stderr, 2)):
            os.dup2(ours, standard)
            os.close(ours)
        return command
    os.close(stdout)
    os.close(stderr)
    caller.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    caller.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(command: Command) -> None:
    """Gives this process what a new one has from its caller."""
    os.environ.clear()
    os.environ.update(command.environment)
    folders = [folder for folder in command.environment["PYTHONPATH"].split(os.pathsep) if folder not in sys.path]
    sys.path[1:1] = folders
    importlib.invalidate_caches()
    sys.argv = [sys.argv[0], *command.arguments]


def load() -> None:
    """Imports what commands import, and keeps it out of the garbage collections of the copies."""
    for module in MODULES:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    load()
    become(next_command(socket.socket(fileno=int(sys.argv[1]))))
    from streams.cli.app import main

    main()
