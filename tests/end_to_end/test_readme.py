"""The README's commands, pasted in their order, work on a stack that was never started."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra import processes
from infra.settings import REPOSITORY, Settings
from infra.stack import local_stack
from infra.stack.kafka_server import KafkaServer
from infra.stack.pipeline_processes import PipelineProcesses
from streams.operations.health.await_workers import await_workers
from tests.end_to_end.processes import done, paper, running
from tests.end_to_end.terminals import COLUMNS, terminal, too_wide
from tests.stacks import free_port, free_settings

COMMAND = re.compile(r"^    (?:\./paper )?((?<=paper ).*?|kill %1)(?: +#.*)?$", re.MULTILINE)
STOP_FEED = "kill %1"
ENDLESS = {"results --follow": "mock", "serve": "Uvicorn running", "top": "alice"}
"""Commands that go on, and what they show at first."""
ELSEWHERE = {"demo": "tests/end_to_end/test_demo.py", "test": "the run of this test"}
"""Commands of the README that other tests run."""
CONTINUES = " &"
STORED = (
    ("session", "list"),
    ("session", "flows"),
    ("session", "show", "alice"),
    ("metrics", "list"),
    ("metrics", "show", "--account", "alice"),
    ("replay", "list"),
    ("archive", "list"),
    ("access", "keys"),
    ("status",),
)
"""Commands that print tables of what is stored."""
LIBRARY = re.compile(r"%\d\|\d+\.\d+\||rdkafka|Traceback")
"""A line that librdkafka writes itself, or an unexpected error."""
PATIENCE_S = 120
"""Longest wait for the result of an order, on a machine with other work."""
BROKER_MISSED_S = 3.0
"""Time in which a client without a broker would have complained: it connects again after 0.1 s."""
ENDED_S = 16.0
"""Longest time from Ctrl-C to the end; a feed waits 8 s for its last transaction."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a stack of one's own, with the values of a fresh clone apart from its ports and folder."""
    settings = free_settings(tmp_path_factory.mktemp("home")).model_copy(update={"metrics_port": free_port()})
    try:
        yield settings
    finally:
        local_stack.down(settings, purge=True)


def commands() -> list[str]:
    """Returns the arguments of each `./paper` in the README, and the end of the feed, in their order."""
    return COMMAND.findall((REPOSITORY / "README.md").read_text())


class Reader:
    """Somebody who pastes the commands, and puts real names where the README has capitals."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        self.names: dict[str, str] = {"FILE": str(folder / "report.html")}

    def paste(self, line: str) -> None:
        """Runs a command, and demands that it ends well."""
        if line.startswith("export"):
            line += f" --out {self.folder / 'fills.parquet'}"
        if line.startswith("orders submit"):
            line += f" --wait {PATIENCE_S}"
        for capitals, name in self.names.items():
            line = re.sub(rf"\b{capitals}\b", name, line)
        done = paper(self.settings, *shlex.split(line))
        assert done.returncode == 0, f"./paper {line}\n{done.stdout}\n{done.stderr}"
        if line.startswith("orders submit"):
            listed = paper(self.settings, "orders", "list", "--recent", "1", "--json").stdout
            order = json.loads(listed)
            self.names |= {"ORDER_ID": order["order_id"], "SESSION": order["session_id"]}

    def look(self, line: str) -> None:
        """Runs a command that goes on in a terminal until it shows something, and ends it with Ctrl-C."""
        arguments = [*shlex.split(line), *(["--port", str(free_port())] if line == "serve" else [])]
        with terminal(self.settings, *arguments) as watched:
            watched.await_text(ENDLESS[line])
            assert watched.interrupt() in (0, 130), watched.shown


def test_the_readme_pasted_in_order_works(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of what was traded fit a terminal of 80 columns."""
    lines = [line for line in commands() if line not in ELSEWHERE]
    assert {"up --workers 2", STOP_FEED, "reconcile", "replay verify", "down"} <= set(lines)
    reader = Reader(settings, tmp_path)
    (feed,) = [line for line in lines if line.endswith(CONTINUES)]
    before = lines[: lines.index(feed)]
    for line in before:
        reader.paste(line)
    with running(settings, tmp_path, *shlex.split(feed.removesuffix(CONTINUES))) as market:
        for line in lines[len(before) + 1 :]:
            if line == STOP_FEED:
                market.stop()
            elif line in ENDLESS:
                reader.look(line)
            else:
                reader.paste(line)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    for command in STORED:
        shown = done(settings, *command)
        assert shown, command
        assert too_wide(shown) == [], command


def test_a_broker_that_dies_brings_no_word_of_the_client_library_to_a_terminal(settings: Settings) -> None:
    """Ctrl-C ends at once what has lost its broker."""
    assert paper(settings, "up").returncode == 0
    local_stack.down(settings, [PipelineProcesses()])  # A supervisor would start the broker again.
    with (
        terminal(settings, "worker", "--log-level", "ERROR") as worker,
        terminal(settings, "results", "--follow") as results,
        terminal(settings, "quotes", "ACME.SIM") as quotes,
        terminal(settings, "feed", "--synthetic", "--seconds", "600", "--speed", "1") as feed,
    ):
        await_workers(settings, 1)
        results.await_text("mock")
        quotes.await_text("bid_px")
        feed.await_text(" updates")
        _kill_broker(settings)
        for watched in (results, quotes, feed, worker):
            watched.read_for(BROKER_MISSED_S)
            begun = time.monotonic()
            watched.interrupt()
            assert time.monotonic() - begun < ENDED_S, watched.shown
            assert not LIBRARY.search(watched.shown), watched.shown


def _kill_broker(settings: Settings) -> None:
    identity = processes.read_pid_file(local_stack.pid_file(settings, KafkaServer()))
    assert identity is not None
    broker = psutil.Process(identity.pid)
    broker.kill()
    broker.wait(ENDED_S)
