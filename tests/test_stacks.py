"""Pipelines of tests see nothing of each other, although they share servers and a database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.settings import Settings
from tests import stacks
from tests.evidence.metrics import rows

ROW = {"run_id": "live", "partition": 0, "offset": 1, "symbol": "ABC"}


def stored(settings: Settings) -> int:
    with closing(connect(settings)) as client:
        return int(client.query("SELECT count() FROM marks").result_rows[0][0])


def left_behind(settings: Settings, change: Callable[[Client], object]) -> None:
    """Prepares the pipeline as each test does, and changes something as a test might."""
    stacks.prepare(settings)
    with stacks.clean_database(settings), closing(connect(settings)) as client:
        assert stored(settings) == 0
        rows.insert(client, "marks", [ROW])
        change(client)
        assert stored(settings) == 1


def test_the_next_test_finds_a_new_database(stack: Settings) -> None:
    settings = stack.model_copy(update={"topic_prefix": "shared.", "clickhouse_database": "shared"})
    try:
        for _ in range(2):  # The same block again is no repetition of the first.
            left_behind(settings, lambda client: None)
        left_behind(settings, lambda client: client.command("ALTER TABLE marks ADD COLUMN more Int8"))
        left_behind(settings, lambda client: client.command("DROP TABLE fills"))
        stacks.prepare(settings)
        with closing(connect(settings)) as client:
            assert "more" not in client.query("SELECT * FROM marks").column_names
            assert client.query("SELECT count() FROM fills").result_rows == [(0,)]
    finally:
        stacks.remove_pipeline(settings)
