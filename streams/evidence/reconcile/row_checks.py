"""Checks of rows: ClickHouse's rows are Kafka's records, place by place."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from clickhouse_connect.driver.client import Client

from infra.kafka.topics import BY_NAME, DLQ_PREFIX, dead_letter_topic
from streams.evidence.reconcile.facts import Facts, RecordPlace
from streams.evidence.reconcile.reconciliation import CLICKHOUSE, Check

POLL_S = 0.5
NAMED_MAX = 5
DEAD_LETTERS = "dead_letters"

PartitionOffset = tuple[int, int]
"""Partition and offset."""
EndOf = Callable[[str, int], int]
"""Returns the next offset of a partition: topic, partition."""


@dataclass(slots=True)
class TopicRows:
    """The differences between a topic's rows and its records. doubled: number of rows that are there twice."""

    topic: str
    records: int = 0
    missing: list[PartitionOffset] = field(default_factory=list)
    extra: list[PartitionOffset] = field(default_factory=list)
    doubled: int = 0


def rows_are_records(client: Client, run_id: str, facts: Facts, end_of: EndOf, wait_s: float) -> Check:
    """Checks that the rows of each topic are its records, each once. wait_s: seconds to wait for missing rows.

    A record may be missing if it has a dead letter, or is an unreadable input that may still become one. A compacted
    topic may have rows that are older than the records that Kafka kept. Rows of records that were written after the
    facts were read are ignored.
    """
    check = Check("rows = records of every topic, nothing twice", CLICKHOUSE)
    for rows in _settled(client, run_id, facts, end_of, wait_s):
        check.checked += rows.records
        _differ_in_places(check, f"{rows.topic}: records without a row", rows.missing)
        _differ_in_places(check, f"{rows.topic}: rows without a record", rows.extra)
        if rows.doubled:
            check.differ(
                f"{rows.topic}: {rows.doubled} rows are there twice. If a sink was frozen while another took over, "
                f"merging heals it: OPTIMIZE TABLE {_table(rows.topic)} FINAL"
            )
    return check


def _settled(client: Client, run_id: str, facts: Facts, end_of: EndOf, wait_s: float) -> list[TopicRows]:
    found: dict[str, TopicRows] = {}
    waiting = list(BY_NAME)
    deadline = time.monotonic() + wait_s
    while True:
        found |= {topic: _compare(client, run_id, facts, topic, end_of) for topic in waiting}
        waiting = [topic for topic in waiting if found[topic].missing]
        if not waiting or time.monotonic() >= deadline:
            return list(found.values())
        time.sleep(POLL_S)


def _compare(client: Client, run_id: str, facts: Facts, topic: str, end_of: EndOf) -> TopicRows:
    result = TopicRows(topic)
    landed = _places(client, run_id, topic)
    excused = _dead_letter_sources(client, run_id, topic) | facts.letters.keys() | facts.unread
    for partition in sorted({partition for name, partition in facts.offsets if name == topic} | landed.keys()):
        offsets = facts.offsets.get((topic, partition), ())
        rows = landed.get(partition, [])
        records, known = set(offsets), set(rows)
        result.records += len(records)
        result.doubled += len(rows) - len(known)
        lacking = sorted(records - known)
        result.missing += [
            (partition, offset) for offset in lacking if RecordPlace(topic, partition, offset) not in excused
        ]
        read_until = offsets[-1] + 1 if offsets else 0
        surplus = sorted(known - records)
        if BY_NAME[topic].compacted:
            # Compaction keeps the newest record, so older rows belong to records that it removed.
            surplus = [offset for offset in surplus if offset >= read_until]
        if surplus and surplus[-1] >= read_until:
            end = end_of(topic, partition)
            surplus = [offset for offset in surplus if offset < read_until or offset >= end]
        result.extra += [(partition, offset) for offset in surplus]
    return result


def _places(client: Client, run_id: str, topic: str) -> dict[int, list[int]]:
    """Returns the offsets of a topic's rows by partition."""
    condition = " AND topic = {topic:String}" if topic.startswith(DLQ_PREFIX) else ""
    sql = f"SELECT partition, offset FROM {_table(topic)} WHERE run_id = {{run_id:String}}{condition}"
    result = client.query(sql, parameters={"run_id": run_id, "topic": topic})
    places: dict[int, list[int]] = {}
    for partition, offset in result.result_rows:
        places.setdefault(partition, []).append(offset)
    return places


def _table(topic: str) -> str:
    return DEAD_LETTERS if topic.startswith(DLQ_PREFIX) else topic.replace(".", "_")


def _dead_letter_sources(client: Client, run_id: str, topic: str) -> set[RecordPlace]:
    """Returns the places of records whose dead letters have landed, also after the facts were read."""
    sql = """
        SELECT source_topic, source_partition, source_offset FROM dead_letters
        WHERE run_id = {run_id:String} AND topic = {topic:String}
    """
    result = client.query(sql, parameters={"run_id": run_id, "topic": dead_letter_topic(topic)})
    return {RecordPlace(*row) for row in result.result_rows}


def _differ_in_places(check: Check, subject: str, places: list[PartitionOffset]) -> None:
    if places:
        named = ", ".join(f"{partition}:{offset}" for partition, offset in places[:NAMED_MAX])
        check.differ(f"{subject}: {len(places)}, first (partition:offset) {named}")


def newest_positions(client: Client, run_id: str, facts: Facts) -> Check:
    """Checks that the newest row of each account and symbol is the record that compaction keeps."""
    check = Check("the newest position row is the newest record", CLICKHOUSE)
    sql = """
        SELECT account_id, symbol, argMax((partition, offset), offset)
        FROM positions WHERE run_id = {run_id:String} GROUP BY account_id, symbol
    """
    result = client.query(sql, parameters={"run_id": run_id})
    rows = {(account_id, symbol): tuple(place) for account_id, symbol, place in result.result_rows}
    for account_id, symbol in sorted(rows.keys() | facts.position_places.keys()):
        row, record = rows.get((account_id, symbol)), facts.position_places.get((account_id, symbol))
        check.compare(
            row == record,
            f"account {account_id}, {symbol}: newest row is of partition:offset {_offset_text(row)}, "
            f"newest record {_offset_text(record)}",
        )
    return check


def _offset_text(place: tuple[int, ...] | None) -> str:
    return "none" if place is None else ":".join(map(str, place))
