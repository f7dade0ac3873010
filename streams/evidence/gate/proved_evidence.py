"""Gathers evidence and proves it: rows against Kafka's records, records against the core, orders against fills."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.kafka.partition_check import check_partitions
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.errors import NothingCompared, NotAtRest, RecoveryError
from streams.evidence.canonical_hash import canonical_sha256
from streams.evidence.cut import Cut, read_at_cut
from streams.evidence.gate.criteria import Criteria
from streams.evidence.gate.decision import PROVED_ROWS, RECONCILED, REPLAYED, Evidence
from streams.evidence.gate.gather_evidence import demand_session, gather_evidence
from streams.evidence.gate.prove_rows import RowProof, row_prover
from streams.evidence.reconcile import reconcile
from streams.evidence.replay.verify import verify
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.reference.load_config import core_config

Progress = Callable[[str], None]
Row = dict[str, Any]


class ProvedEvidence(NamedTuple):
    """Evidence with its proof among its rows. proof_sha256: of the proof alone, as canonical JSON."""

    evidence: Evidence
    proof_sha256: str


def gather_proved(
    settings: Settings,
    strategy_id: str,
    criteria: Criteria,
    as_of_ns: int,
    commit: str | None,
    as_of: str = "",
    on_progress: Progress = lambda _: None,
) -> ProvedEvidence:
    """Gathers the evidence on a strategy at one cut, and proves it. as_of: the cut; empty for now.

    Each row of the proof has a sentence on the first problem, which is empty if there is none. Raises InputError if the
    strategy has had no session or the cut is not known, ClickHouseError, LogUnavailable, RegistryUnavailable.
    """
    check_partitions(settings)
    with closing(connect(settings)) as client:
        demand_session(client, settings.run_id, strategy_id)
    reader, source = KafkaLogReader(settings), Registry(settings)
    with row_prover(settings, reader, source, on_progress) as prover:

        def read(client: Client, cut: Cut) -> tuple[Evidence, RowProof]:
            on_progress("gathering evidence")
            before = prover.sums(client)
            found = gather_evidence(client, cut, strategy_id, criteria, as_of_ns, commit)
            return found, prover.prove(client, cut, before)

        evidence, rows = read_at_cut(settings, settings.run_id, read, as_of)
    proof = {
        PROVED_ROWS: [{"found": rows.found, "problem": rows.problem, "sums": rows.sums}],
        REPLAYED: [_replayed(settings, reader, Codec(source), on_progress)],
        RECONCILED: [_reconciled(settings, on_progress)],
    }
    return ProvedEvidence(evidence._replace(rows={**evidence.rows, **proof}), canonical_sha256(proof))


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


def _reconciled(settings: Settings, on_progress: Progress) -> Row:
    try:
        report = reconcile(settings, on_progress)
    except (NothingCompared, NotAtRest) as error:
        return {"found": None, "problem": str(error)}
    wrong = [f"{check.source}: {check.name}: {check.differences[0]}" for check in report.checks if not check.passed]
    compared = sum(check.checked for check in report.checks)
    return {"found": f"{len(report.checks)} checks, {compared} comparisons", "problem": "; ".join(wrong)}
