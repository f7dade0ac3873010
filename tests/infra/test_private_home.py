"""Other users of the machine can't enter PAPER_HOME, whichever command makes it."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.kafka.credentials import make_password
from infra.kafka.pipeline_key import pipeline_key
from infra.membership import member_id
from infra.registry_access import registry_password
from infra.settings import Settings
from infra.stack import local_stack


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def start_nothing(settings: Settings) -> None:
    local_stack.up(settings, servers=())


def join(settings: Settings) -> None:
    with member_id(settings, "worker"):
        pass


def password(settings: Settings) -> None:
    make_password(settings, "trader")


FIRST_ACTS: dict[str, Callable[[Settings], object]] = {
    "paper up": start_nothing,
    "a worker": join,
    "a client": pipeline_key,
    "scram": password,
    "the registry": registry_password,
}


@pytest.mark.parametrize("act", FIRST_ACTS.values(), ids=FIRST_ACTS)
@pytest.mark.parametrize("before", [None, 0o755], ids=["a new home", "an older, open one"])
def test_paper_home_is_its_owners_alone(tmp_path: Path, act: Callable[[Settings], object], before: int | None) -> None:
    home = tmp_path / "home"
    if before is not None:
        home.mkdir(mode=before)
        assert mode(home) == before
    act(Settings(_env_file=None, paper_home=home))
    assert mode(home) == 0o700
