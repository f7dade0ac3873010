"""The promises that must hold after any history, checked as far as possible without the code under test."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any

from infra.kafka.topics import BY_NAME
from schemas.errors import UndecodableRecord
from schemas.records.messages import Journal
from schemas.topic_schemas import MESSAGE_CLASSES
from streams.pipeline.journal.processor import ShardProcessor
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.sink.tables import table_of
from tests.simulation.story import PARTITIONS
from tests.simulation.world import CODEC, CONFIG, SINK_PLACES, ShardKey, World

PRICE, MONEY = 10**9, 10**18


class Broken(AssertionError):
    """A broken promise."""


def demand(holds: bool, sentence: str) -> None:
    """Raises Broken unless a condition holds."""
    if not holds:
        raise Broken(sentence)


def judge(world: World) -> None:
    """Checks all promises. Raises Broken."""
    for key in world.keys:
        arrived = _arrived_once(world, key)
        _outputs_are_those_of_an_uncrashed_run(world, key, arrived)
        _journal_says_what_arrived(world, key, arrived)
    _bad_records_have_one_letter(world)
    _rows_are_records(world)
    _money_is_exact(world)
    _orders_end_once(world)


def _arrived_once(world: World, key: ShardKey) -> list[RawRecord]:
    """Checks that a shard's committed transactions took each committed input exactly once."""
    kind, partition = key
    seen: set[tuple[str, int]] = set()
    once = []
    for record in world.arrived[kind.shard_name(partition)]:
        if (record.topic, record.offset) not in seen:
            seen.add((record.topic, record.offset))
            once.append(record)
    for topic in kind.inputs:
        committed = [slot.record.offset for slot in world.broker.committed(topic, partition) if slot.record]
        taken = [record.offset for record in once if record.topic == topic]
        demand(taken == committed, f"{kind.shard_name(partition)} took {taken} of {topic}, committed are {committed}")
    return once


def _outputs_are_those_of_an_uncrashed_run(world: World, key: ShardKey, arrived: list[RawRecord]) -> None:
    kind, partition = key
    name = kind.shard_name(partition)
    uncrashed = ShardProcessor(kind, partition, CONFIG, CODEC)
    uncrashed.configure(CONFIG)
    for record in arrived:
        uncrashed.take(record)
    transaction = uncrashed.finish()
    expected: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for output in transaction.outputs if transaction else []:
        expected[output.topic, output.partition].append((output.key, output.value, output.headers))
    for topic in BY_NAME:
        if topic in (kind.journal, kind.snapshots):
            continue
        for number in range(PARTITIONS):
            written = [
                (slot.record.key, slot.record.value, slot.record.headers)
                for slot in world.broker.committed(topic, number)
                if slot.record is not None and slot.writer == name
            ]
            wanted = expected[topic, number]
            sentence = f"{name} wrote {len(written)} records to {topic}-{number}, an uncrashed run other {len(wanted)}"
            demand(written == wanted, sentence)
    state = world.owners[key].shard.processor.shard.to_state()
    demand(state == uncrashed.shard.to_state(), f"{name}'s state is not that of an uncrashed run")


def _journal_says_what_arrived(world: World, key: ShardKey, arrived: list[RawRecord]) -> None:
    kind, partition = key
    taken: list[tuple[str, int, int]] = []
    for number, slot in enumerate(world.broker.committed(kind.journal, partition), 1):
        assert slot.record is not None
        journal: Journal = CODEC.decode(kind.journal, slot.record.value or b"")
        demand(journal.sequence == number, f"{journal.shard}: journal #{journal.sequence} stands at place {number}")
        for topic, first, last, count in zip(
            journal.topics, journal.first_offsets, journal.last_offsets, journal.counts, strict=True
        ):
            committed = [s.record.offset for s in world.broker.committed(topic, partition) if s.record]
            run = [offset for offset in committed if first <= offset <= last]
            demand(
                len(run) == count, f"{journal.shard} #{number}: {count} of {topic} {first}-{last}, there are {len(run)}"
            )
            taken += [(topic, offset, 0) for offset in run]
    order = [(record.topic, record.offset, 0) for record in arrived]
    demand(taken == order, f"the journal of {kind.shard_name(partition)} names another order than that of arrival")


def _bad_records_have_one_letter(world: World) -> None:
    letters: Counter[tuple[str, int, int]] = Counter()
    for topic in BY_NAME:
        if topic.startswith("dlq."):
            for slot in world.broker.committed(topic, 0):
                assert slot.record is not None
                headers = dict(slot.record.headers)
                place = (headers["topic"].decode(), int(headers["partition"]), int(headers["offset"]))
                letters[place] += 1
                origin = world.broker.slots[place[0], place[1]][place[2]]
                assert origin is not None
                assert origin.record is not None
                demand(origin.record.value == slot.record.value, f"the letter of {place} has other bytes")
    doubled = [place for place, count in letters.items() if count > 1]
    demand(not doubled, f"more than one dead letter for {doubled}")
    for topic, partition in SINK_PLACES:
        if topic.startswith("dlq."):
            continue
        for slot in world.broker.committed(topic, partition):
            assert slot.record is not None
            place = (topic, partition, slot.record.offset)
            decodable = slot.record.value is not None and _decodes(topic, slot.record.value)
            demand(decodable or place in letters, f"{place} is garbage without a dead letter")


def _decodes(topic: str, value: bytes) -> bool:
    if topic not in MESSAGE_CLASSES:
        return False  # Only clients write there, and only garbage.
    try:
        CODEC.decode(topic, value)
    except UndecodableRecord:
        return False
    return True


def _rows_are_records(world: World) -> None:
    for topic, partition in SINK_PLACES:
        rows = [
            row["offset"]
            for row in world.clickhouse.tables.get(table_of(topic), [])
            if row["partition"] == partition and row.get("topic", topic) == topic
        ]
        expected = []
        for slot in world.broker.slots[topic, partition]:
            if slot is None or slot.record is None or slot.state != "committed":
                continue
            if topic.startswith("dlq.") or _decodes(topic, slot.record.value or b""):
                expected.append(slot.record.offset)
        if world.sinks_overlapped:
            rows = sorted(set(rows))  # The table engine merges duplicates.
        missing, extra = set(expected) - set(rows), set(rows) - set(expected)
        if BY_NAME[topic].compacted:
            extra = set()  # Rows remain after compaction has removed their records.
        demand(not missing and not extra, f"{topic}-{partition}: rows lack {missing}, have {extra} too many")
        demand(len(rows) == len(set(rows)), f"{topic}-{partition}: rows twice: {Counter(rows).most_common(2)}")


def _messages(world: World, topic: str) -> list[Any]:
    return [
        CODEC.decode(topic, slot.record.value or b"")
        for partition in range(PARTITIONS)
        for slot in world.broker.committed(topic, partition)
        if slot.record is not None and slot.writer != "client"
    ]


def _money_is_exact(world: World) -> None:
    cash: dict[str, Fraction] = defaultdict(Fraction)
    held: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    last_cash: dict[str, Fraction] = {}
    last_held: dict[tuple[str, str], Fraction] = {}
    for fill in _messages(world, "fills"):
        sign = 1 if str(fill.side) == "BUY" else -1
        quantity, price = Fraction(fill.quantity, PRICE), Fraction(fill.price, PRICE)
        cash[fill.account_id] -= sign * quantity * price + Fraction(fill.commission, MONEY)
        held[fill.account_id, fill.symbol] += sign * quantity
        last_cash[fill.account_id] = Fraction(fill.cash, MONEY)
        last_held[fill.account_id, fill.symbol] = Fraction(fill.position_qty, PRICE)
    opening = {control.account_id: Fraction(control.opening_cash, MONEY) for control in _openings(world)}
    for account, now in last_cash.items():
        demand(now == opening[account] + cash[account], f"cash of {account} is not opening + flows - fees")
    demand(last_held == {place: held[place] for place in last_held}, "positions are not the sums of fills")


def _openings(world: World) -> list[Any]:
    found = []
    for partition in range(PARTITIONS):
        for slot in world.broker.committed("controls", partition):
            if slot.record is not None and slot.record.value and _decodes("controls", slot.record.value):
                found.append(CODEC.decode("controls", slot.record.value))
    return found


def _orders_end_once(world: World) -> None:
    ends = Counter(
        (result.account_id, result.order_id) for result in _messages(world, "order.results") if result.terminal
    )
    doubled = [order for order, count in ends.items() if count > 1]
    demand(not doubled, f"orders with two ends: {doubled}")
    executions = Counter(fill.exec_id for fill in _messages(world, "fills"))
    demand(all(count == 1 for count in executions.values()), "a fill twice")
