"""A worker and a sink whose clocks are hours off work as others do: the broker's clock is the one that counts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.end_to_end.desk import Desk
from tests.end_to_end.processes import paper, running
from tests.faults.test_servers import prove
from tests.faults.test_workers import ACCOUNTS, WORKS, orders, trade

THREE_HOURS_S = 3 * 60 * 60
SOURCE = Path(__file__).with_name("wrong_clock.c")


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    """A library that shifts the wall clock of the process that loads it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    built = tmp_path / "wrong_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", built, SOURCE, "-ldl"], check=True)
    return built


@contextmanager
def clock(shim: Path, shift_s: int) -> Iterator[None]:
    """Gives the processes that are started inside the block a wrong clock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(shim))
        patch.setenv("CLOCK_SHIFT_S", str(shift_s))
        yield


@pytest.mark.parametrize("shift_s", [THREE_HOURS_S, -THREE_HOURS_S], ids=["ahead", "behind"])
def test_a_clock_that_is_three_hours_off(
    settings: Settings, desk: Desk, tmp_path: Path, shim: Path, shift_s: int
) -> None:
    with clock(shim, shift_s), running(settings, tmp_path, "worker") as worker:
        with clock(shim, -shift_s), running(settings, tmp_path, "sink") as sink:
            worker.await_log(WORKS)
            for account in ACCOUNTS:
                desk.open_account(account)
            desk.quote(0)
            trade(desk, orders("off", 10))
            said = json.loads(paper(settings, "status", "--json").stdout)
            assert (said["kafka"], said["complaints"]) == ("", [])
            prove(settings, desk, orders("off", 10))
            assert sink.stop() == 0
        assert worker.stop() == 0
