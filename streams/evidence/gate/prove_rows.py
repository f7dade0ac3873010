"""Proves that the rows which the gate reads are Kafka's records, all of them and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import SchemaSource
from streams.evidence.cut import Cut, landed
from streams.evidence.gate.record_copy import PROVED_TABLES, PROVED_TOPICS, RecordCopy, cut_ends, record_copy
from streams.evidence.gate.row_sums import Sums, first_difference, partition_sums, row_sums
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partition_ends import partition_ends

SINK_WAIT_S = 60.0
POLL_S = 0.5


class RowProof(NamedTuple):
    """The proof over rows. sums: of each partition. problem: a sentence on the first difference, empty if none."""

    rows: int
    sums: list[dict[str, Any]]
    problem: str

    @property
    def found(self) -> str:
        """The extent of the proof in words."""
        return f"{self.rows} rows of {len(PROVED_TABLES)} tables"


class RowProver:
    """A proof under way: Kafka's records are copied, and rows can be compared with them."""

    def __init__(self, run_id: str, copy: RecordCopy, client: Client) -> None:
        self._run_id = run_id
        self._copy = copy
        self._client = client

    def await_sink(self, wait_s: float) -> None:
        """Waits until the sink has landed what is copied, or until wait_s seconds have passed."""
        wanted = cut_ends(landed(self._client, self._run_id).ends)
        deadline = time.monotonic() + wait_s
        with closing(connect(self._copy.pipeline)) as client:
            while time.monotonic() < deadline:
                there = cut_ends(landed(client, self._run_id).ends)
                if all(there.get(place, 0) >= end for place, end in wanted.items()):
                    return
                time.sleep(POLL_S)

    def sums(self, client: Client) -> Sums:
        """Returns the checksums of the rows that a client reads now. Raises ClickHouseError."""
        return row_sums(client, self._run_id)

    def prove(self, client: Client, cut: Cut, before: Sums) -> RowProof:
        """Compares the rows that a client reads at a cut with Kafka's records, now and when before was taken.

        The records are those before the cut, and those that Kafka had when the proof began. Raises ClickHouseError,
        LogUnavailable.
        """
        self._copy.extend(cut_ends(cut.ends))
        records, after = row_sums(self._client, self._run_id), row_sums(client, self._run_id)
        problem = ""
        for rows in (before, after):
            problem = problem or first_difference(client, self._client, self._run_id, rows, records)
        return RowProof(sum(item.rows for item in after.values()), partition_sums(records), problem)


@contextmanager
def row_prover(
    settings: Settings,
    reader: LogReader,
    source: SchemaSource,
    on_progress: Callable[[str], None] = lambda _: None,
    wait_s: float = SINK_WAIT_S,
) -> Iterator[RowProver]:
    """Copies all records that Kafka has now, and waits until the sink has landed them.

    Raises ClickHouseError, LogUnavailable, RegistryUnavailable.
    """
    ends = partition_ends(reader, PROVED_TOPICS, lambda topic: partition_count(settings, topic))
    with record_copy(settings, reader, source, on_progress) as copy, closing(connect(copy.settings)) as client:
        on_progress("reading Kafka's records to compare rows with")
        copy.extend(ends)
        prover = RowProver(settings.run_id, copy, client)
        on_progress("comparing rows with records, waiting for the sink if it is behind")
        prover.await_sink(wait_s)
        yield prover
