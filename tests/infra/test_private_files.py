"""Several processes write one secret at once: none fails, and all hold the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from infra.kafka.credentials import make_password
from infra.private_files import write_private
from infra.settings import Settings

WRITERS, ROUNDS = 8, 50


def at_once(act: Callable[[int], object]) -> list[object]:
    """Returns what writers that start together return. act: takes the writer's number."""
    ready = Barrier(WRITERS)

    def writer(number: int) -> object:
        ready.wait()
        return act(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(writer, range(WRITERS)))


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_brokers_that_start_at_once_share_the_password(tmp_path: Path, attempt: int) -> None:
    settings = Settings(_env_file=None, paper_home=tmp_path)
    passwords = at_once(lambda _: make_password(settings, "admin"))
    assert set(passwords) == {(tmp_path / "kafka" / "credentials" / "admin").read_text().strip()}


def test_a_file_is_one_writers_whole_text(tmp_path: Path) -> None:
    path, texts = tmp_path / "secret", [str(number) * 10_000 for number in range(WRITERS)]
    at_once(lambda number: write_private(path, texts[number]))
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path], "a temporary file was left"
