"""In-memory counterparts of ClickHouse's client and of the transactional writer of dead letters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import fastavro
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.settings import Settings
from streams.errors import Fenced
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.journal.raw_records import RawOutput
from streams.pipeline.sink.missing_rows import COMPLETE_ROWS
from streams.pipeline.sink.run_topics import TABLE
from streams.pipeline.sink.tables import DEAD_LETTERS, JSON_LINES, NATIVE
from tests.pipeline.sink.native_reader import read_native

CANNOT_READ = 33
UNREADABLE = (EOFError, ValueError, IndexError, KeyError, TypeError, UnicodeDecodeError)


class MemoryClickHouse:
    """A TableClient that reads blocks with fastavro and inserts a token once.

    fault: called with a moment and the table. Moments: "before" a block is read; "noted", when its token is stored but
    not its rows; "stored". It may raise clickhouse_connect.driver.exceptions.OperationalError, as a server that is away
    or dies would.
    """

    def __init__(self, fault: Callable[[str, str], None] = lambda moment, table: None) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.tokens: set[tuple[str, str]] = set()
        self.fault = fault

    def __call__(self, _: Settings) -> MemoryClickHouse:
        """Returns the connection, which all callers share."""
        return self

    def raw_insert(self, table: str, *, insert_block: bytes, fmt: str, settings: dict[str, Any]) -> None:
        self.fault("before", table)
        if fmt == JSON_LINES:
            self.tables.setdefault(table, []).extend(map(json.loads, insert_block.splitlines()))
            self.fault("stored", table)
            return
        try:
            rows: list[Any] = read_native(insert_block) if fmt == NATIVE else [*fastavro.reader(BytesIO(insert_block))]
        except UNREADABLE as error:
            raise DatabaseError(f"can't read: {error}", code=CANNOT_READ) from error
        token = (table, settings["insert_deduplication_token"])
        if token not in self.tokens:
            self.tokens.add(token)
            self.fault("noted", table)
            self.tables.setdefault(table, []).extend(rows)
        self.fault("stored", table)

    def query(self, query: str, parameters: dict[str, Any]) -> Any:
        self.fault("query", query)
        return SimpleNamespace(result_rows=self._answer(query, parameters))

    def _answer(self, query: str, wanted: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Answers the queries of streams.pipeline.sink."""
        table = query.rpartition(" FROM ")[2].split()[0]
        rows = [row for row in self.tables.get(table, []) if row["run_id"] == wanted["run_id"]]
        if table == COMPLETE_ROWS:
            return list(
                {
                    row["partition"]: (row["partition"], (row["end_offset"], row["rows"]))
                    for row in rows
                    if row["topic"] == wanted["topic"]
                }.values()
            )
        if table == TABLE:
            origins = [(row["topic"], (row["topic_prefix"], row["cluster_id"], row["topic_id"])) for row in rows]
            return list(dict(reversed(origins)).items())
        if table == DEAD_LETTERS:
            rows = [row for row in rows if row["topic"] == wanted["topic"]]
        if "ends" in wanted:
            before = dict(zip(wanted["partitions"], wanted["ends"], strict=True))
            places = {(r["partition"], r["offset"]) for r in rows if r["offset"] < before.get(r["partition"], 0)}
            return list(Counter(partition for partition, _ in places).items())
        if "expected" in wanted:
            found = sorted({row["offset"] for row in rows if row["partition"] == wanted["partition"]})
            found = [offset for offset in found if wanted["first_offset"] <= offset < wanted["end_offset"]]
            pairs = list(pairwise([wanted["expected"] - 1, *found]))
            return [pair for pair in pairs if pair[1] > pair[0] + 1 or pair[1] == found[-1]]
        if "last_offset" in wanted:
            places = {row["offset"] for row in rows if row["partition"] == wanted["partition"]}
            return [(sum(wanted["first_offset"] <= offset <= wanted["last_offset"] for offset in places),)]
        if "source_offset" in query:
            return [
                (row["source_offset"],)
                for row in rows
                if (row["stage"], row["source_partition"]) == (b"sink", wanted["partition"])
                and row["source_offset"] >= wanted["first_offset"]
            ]
        ends: dict[int, int] = {}
        for row in rows:
            ends[row["partition"]] = max(row["offset"], ends.get(row["partition"], -1))
        return list(ends.items())

    def close(self) -> None:
        pass

    def places(self, table: str) -> list[tuple[int, int]]:
        """Returns partition and offset of each row."""
        return [(row["partition"], row["offset"]) for row in self.tables.get(table, [])]


class MemoryDeadLetterWriters:
    """A factory of dead-letter writers on a log; the newest fences the others."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.holder: MemoryLetterWriter | None = None

    def __call__(self) -> MemoryLetterWriter:
        self.holder = MemoryLetterWriter(self)
        return self.holder


class MemoryLetterWriter:
    def __init__(self, pen: MemoryDeadLetterWriters) -> None:
        self._pen = pen

    def write(self, records: Sequence[RawOutput]) -> None:
        if self._pen.holder is not self:
            raise Fenced("another sink writes dead letters")
        for record in records:
            self._pen.log.append(record.topic, record.partition, record.key, record.value, 0, record.headers)
