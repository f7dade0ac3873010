"""A client id says whether its process has ended on this machine, so that a restart is no clash of names."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from infra import processes
from infra.membership import describe_client, has_ended_here, host_name, process_client_id

OWN = process_client_id()


def of_process(pid: int) -> str:
    host, machine, _, _ = OWN.split(":")
    return f"{host}:{machine}:{pid}:{processes.identity_of(pid).start_ticks}"


def test_a_process_that_has_ended_here_is_told_from_one_that_lives() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    client = of_process(child.pid)
    assert not has_ended_here(client)
    child.communicate(b"\n")
    assert has_ended_here(client)


def test_a_pid_that_is_used_again_counts_as_ended() -> None:
    host, machine, pid, ticks = OWN.split(":")
    assert has_ended_here(f"{host}:{machine}:{pid}:{int(ticks) + 1}")


@pytest.mark.parametrize(
    "client",
    [
        OWN,
        OWN.replace(host_name(), f"{host_name()}-2", 1),
        f"{host_name()}:another boot:1:1",
        "faust-0.15.3",
        "a:b:c:d",
        "",
    ],
    ids=["itself", "another host", "another boot", "another client", "nonsense", "nothing"],
)
def test_nothing_else_has_ended_here(client: str) -> None:
    assert not has_ended_here(client)


def test_people_read_host_and_pid() -> None:
    assert describe_client(OWN) == f"host {host_name()}, pid {os.getpid()}"
    assert describe_client("rdkafka") == "client rdkafka"
