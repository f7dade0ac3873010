"""Processes are recognised and stopped, even if no parent reaps them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra import processes
from infra.processes import ProcessIdentity

# Starts a process, prints its pid, and never reaps it, like the first process of some containers.
NEGLIGENT_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_a_zombie_counts_as_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", NEGLIGENT_PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        identity = ProcessIdentity(pid, psutil.Process(pid).create_time())
        assert processes.find(identity) is not None
        assert processes.stop(identity, patience_s=10)
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        assert processes.find(identity) is None


def test_stopping_what_has_ended_is_no_error() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    identity = ProcessIdentity(child.pid, psutil.Process(child.pid).create_time())
    child.wait()
    assert processes.find(identity) is None
    assert processes.stop(identity, patience_s=1)


def test_a_spawned_process_gets_its_environment_and_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    program = "import os, sys; print(sorted(os.environ), flush=True); print('to stderr', file=sys.stderr)"
    identity = processes.spawn([sys.executable, "-c", program], {"ONLY": "this", "LC_ALL": "C"}, log)
    os.waitpid(identity.pid, 0)
    assert "'ONLY'" in log.read_text()
    assert "HOME" not in log.read_text()
    assert "to stderr" in log.read_text()


def test_a_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        processes.spawn(["/nowhere/java"], {}, tmp_path / "log")


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert processes.log_tail(log) == ""
    log.write_bytes(b"\xff" * 100_000 + b"\n" + b"".join(b"line %d\n" % i for i in range(100)))
    assert processes.log_tail(log, lines=3) == "line 97\nline 98\nline 99"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the start in ticks since boot")
def test_a_process_is_found_again_after_the_wall_clock_was_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    processes.write_pid_file(processes.identity_of(os.getpid()), file)
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3 * 60 * 60)
    identity = processes.read_pid_file(file)
    assert identity is not None
    assert processes.find(identity) is not None
