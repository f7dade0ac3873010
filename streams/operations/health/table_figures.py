"""Figures of a run that its tables in ClickHouse hold: results, dead letters, open breakers, ages of sources."""

import threading
from types import TracebackType
from typing import Any, NamedTuple, Self

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import connect, query_file
from infra.errors import ClickHouseError
from infra.settings import Settings
from streams.operations.health.observer import Observer

INTERVAL_S = 10.0


class TableFigures(NamedTuple):
    """The figures of a run.

    Attributes:
        problem: why the tables could not be read; empty if they were.
        results: order results by kind of report (FIX tag 150).
        letters: dead letters by topic of the record and class of the error.
        open_breakers: accounts whose breaker is open, by breaker.
        source_ages: seconds since the newest market record of each source.
    """

    problem: str
    results: dict[str, int]
    letters: dict[tuple[str, str], int]
    open_breakers: dict[str, int]
    source_ages: dict[str, float]


def read_table_figures(settings: Settings) -> TableFigures:
    """Returns the figures at this moment. TableFigures.problem has the reason if ClickHouse can't be read."""
    try:
        with connect(settings) as client:
            return TableFigures(
                "",
                dict(_rows(client, settings, "health_orders")),
                {(topic, reason): count for topic, reason, count in _rows(client, settings, "health_dead_letters")},
                dict(_rows(client, settings, "health_breakers")),
                dict(_rows(client, settings, "health_sources")),
            )
    except (ClickHouseError, DriverError) as error:
        return TableFigures(str(error), {}, {}, {}, {})


def _rows(client: Client, settings: Settings, query: str) -> list[Any]:
    return list(client.query(query_file(query), parameters={"run_id": settings.run_id}).result_rows)


class TableObserver(Observer[TableFigures]):
    """An observer that reads the figures in a thread of its own inside the block: ClickHouse may be slow or away."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(lambda: read_table_figures(settings), "the run's figures in ClickHouse")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tables", daemon=True)

    def _run(self) -> None:
        self.observe()
        while not self._ended.wait(INTERVAL_S):
            self.observe()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
