"""The tails of a shard's output topics, compared with what its journal says that they must hold.

A transaction is all or nothing until a machine loses its power: then a topic may lack records that were not on disk
yet, although the journal has their transaction. The shard makes them again from its inputs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import blake2s
from typing import NamedTuple, Protocol

from infra.kafka.topics import BY_NAME
from streams.pipeline.journal.raw_records import RawOutput, RawRecord
from streams.pipeline.journal.transaction import Made

Partition = tuple[str, int]
"""Base name of a topic, number of a partition."""
FIRST_LOOK = 200
"""Offsets before the end at which the search begins, beside two for each output that is looked for."""
LOOK_FACTOR = 8


class Tail(NamedTuple):
    """The last committed records of a partition. whole: they are all that there are."""

    records: list[RawRecord]
    whole: bool


class TailReader(Protocol):
    """A reader of the ends of partitions."""

    def tails(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, Tail]:
        """Returns the records within that many offsets before the end of each partition."""
        ...


class MissingOutputs(NamedTuple):
    """The result of a comparison.

    lost: outputs that are not on their topics, in order. unknown: partitions that lack even the last output before
    those that were made again.
    """

    lost: list[Made]
    unknown: list[Partition]


def digest(key: bytes | None, value: bytes | None) -> str:
    """Returns a short digest by which an output is known again."""
    return blake2s((key or b"") + b"\0" + (value or b""), digest_size=8).hexdigest()


def missing_outputs(reader: TailReader, last: Mapping[Partition, str], made: Iterable[Made]) -> MissingOutputs:
    """Compares a shard's output partitions with what they must hold.

    last: digest of each partition's last output before those that were made again. made: in order.
    """
    wanted: dict[Partition, list[Made]] = defaultdict(list)
    for item in made:
        wanted[item.output.topic, item.output.partition].append(item)
    lost: list[Made] = []
    unknown: list[Partition] = []
    searches = [_Search(place, last.get(place), wanted.get(place, [])) for place in {**last, **wanted}]
    while searches:
        tails = reader.tails({search.place: search.offsets for search in searches})
        for search in searches:
            search.look(tails[search.place])
        for search in [search for search in searches if search.done]:
            lost += search.lost
            if search.lost_before:
                unknown.append(search.place)
        searches = [search for search in searches if not search.done]
    return MissingOutputs(sorted(lost, key=lambda item: item[:2]), unknown)


class _Search:
    """The search in one partition, further and further from its end until the first wanted record is found."""

    def __init__(self, place: Partition, last: str | None, wanted: list[Made]) -> None:
        self.place = place
        self.wanted = wanted
        self.offsets = FIRST_LOOK + 2 * len(wanted)
        self.done = False
        self.lost: list[Made] = []
        self.lost_before = False
        self._compacted = BY_NAME[place[0]].compacted
        self._last = last

    def look(self, tail: Tail) -> None:
        """Looks through a tail."""
        digests = [] if self._last is None else [digest(record.key, record.value) for record in tail.records]
        found_last = self._last is None or self._last in digests
        if self._compacted:
            found = self._found_compacted(tail.records)
            # A later record of its key may have replaced the last one.
            found_last = found_last or found > 0
        else:
            begin = digests.index(self._last) + 1 if self._last in digests else 0
            found = self._found(tail.records[begin:]) if found_last else 0
        if tail.whole or (found_last and found == len(self.wanted)):
            self.done = True
            self.lost = self.wanted[found:]
            self.lost_before = not found_last
        else:
            self.offsets *= LOOK_FACTOR

    def _found(self, records: list[RawRecord]) -> int:
        """Returns how many of the wanted outputs, from the first on, the records contain in order."""
        found = 0
        for record in records:
            found += found < len(self.wanted) and _content(record) == _content(self.wanted[found].output)
        return found

    def _found_compacted(self, records: list[RawRecord]) -> int:
        """Returns the number of the last wanted output that the records contain, counted from 1."""
        numbers = {_content(made.output): number for number, made in enumerate(self.wanted, 1)}
        return max((numbers.get(_content(record), 0) for record in records), default=0)


def _content(record: RawRecord | RawOutput) -> tuple[bytes, bytes]:
    return record.key or b"", record.value or b""
