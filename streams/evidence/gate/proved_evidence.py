"""Proves evidence while it is read: rows against Kafka's records, records against the core, orders against fills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from clickhouse_connect.driver.client import Client

from infra.kafka.partition_check import check_partitions
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.errors import NotAtRest, NothingCompared, RecoveryError
from streams.evidence.canonical_hash import canonical_sha256
from streams.evidence.cut import Cut, read_at_cut
from streams.evidence.gate.decision import PROVED_ROWS, RECONCILED, REPLAYED, Evidence
from streams.evidence.gate.definitions import definitions
from streams.evidence.gate.prove_rows import SINK_WAIT_S, RowProof, row_prover
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.verify import verify
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.reference.load_config import core_config

RECONCILE_WAIT_S = 10.0

T = TypeVar("T")
Progress = Callable[[str], None]
Row = dict[str, Any]


class EvidenceProof(NamedTuple):
    """The proof of what was read. rows: its parts, as rows of evidence, each with the sentence on its first problem."""

    rows: dict[str, list[Row]]

    @property
    def sha256(self) -> str:
        """SHA-256 of the proof's canonical JSON."""
        return canonical_sha256(self.rows)

    def added_to(self, evidence: Evidence) -> Evidence:
        """Returns the evidence with the proof among its rows."""
        return evidence._replace(rows={**evidence.rows, **self.rows})


def read_proved(
    settings: Settings,
    read: Callable[[Client, Cut], T],
    as_of: str = "",
    on_progress: Progress = lambda _: None,
    wait_s: float = SINK_WAIT_S,
) -> tuple[T, EvidenceProof]:
    """Returns what a function reads from the pipeline's run at one cut, and the proof that it read Kafka's records.

    read, as_of: as read_at_cut takes them. wait_s: seconds to wait for the sink. Raises as read_at_cut does, and
    LogUnavailable, RegistryUnavailable, TopicError, MigrationError.
    """
    check_partitions(settings)
    reader, source = KafkaLogReader(settings), Registry(settings)
    with row_prover(settings, reader, source, on_progress, wait_s) as prover, definitions(settings) as defined:
        database = settings.clickhouse_database

        def read_and_prove(client: Client, cut: Cut) -> tuple[T, RowProof, str]:
            on_progress("gathering evidence")
            before, changed = prover.sums(client), defined.problem(client, database)
            found = read(client, cut)
            return found, prover.prove(client, cut, before), changed or defined.problem(client, database)

        found, rows, changed = read_at_cut(settings, settings.run_id, read_and_prove, as_of)
    proof = {
        PROVED_ROWS: [{"found": rows.found, "problem": changed or rows.problem, "sums": rows.sums}],
        REPLAYED: [_replayed(settings, reader, Codec(source), on_progress)],
        # The sink was waited for; only journals and snapshots may be a moment later.
        RECONCILED: [_reconciled(settings, on_progress, min(wait_s, RECONCILE_WAIT_S))],
    }
    return found, EvidenceProof(proof)


def _replayed(settings: Settings, reader: KafkaLogReader, codec: Codec, on_progress: Progress) -> Row:
    try:
        result = verify(core_config(settings), reader, codec, on_progress)
    except (NothingCompared, RecoveryError) as error:
        return {"found": None, "problem": str(error)}
    return {
        "found": f"{result.transactions} transactions, {sum(result.checked.values())} records",
        "problem": "; ".join(result.differences),
        "proved_to": result.proved_to,
        "checked": result.checked,
    }


def _reconciled(settings: Settings, on_progress: Progress, wait_s: float) -> Row:
    try:
        report = reconcile(settings, on_progress, wait_s)
    except (NothingCompared, NotAtRest) as error:
        return {"found": None, "problem": str(error)}
    wrong = [f"{check.source}: {check.name}: {check.differences[0]}" for check in report.checks if not check.passed]
    compared = sum(check.checked for check in report.checks)
    return {"found": f"{len(report.checks)} checks, {compared} comparisons", "problem": "; ".join(wrong)}
