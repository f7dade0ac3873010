"""Outputs that shards make, to be found among the records of a partition."""

from collections.abc import Collection, Mapping, Sequence

from streams.pipeline.journal.raw_records import RawOutput, RawRecord


class WaitingOutputs:
    """The outputs of several shards to a partition, those of each shard in order.

    Shards write a partition in any order among each other, and two of them may write equal bytes, such as the mark of a
    heartbeat. So every way to give the records to the shards is followed until it fails.
    """

    def __init__(self, shards: Mapping[str, Sequence[RawOutput]]) -> None:
        self._names = tuple(shards)
        self._outputs = tuple(shards.values())
        self._ways = {(0,) * len(shards)}
        """For each way, how many outputs of each shard are found."""

    def take(self, record: RawRecord) -> bool:
        """Finds the output that a record is. Returns whether there is one."""
        ways = {
            (*way[:number], way[number] + 1, *way[number + 1 :])
            for way in self._ways
            for number, outputs in enumerate(self._outputs)
            if way[number] < len(outputs) and is_equal(outputs[way[number]], record)
        }
        self._ways = ways or self._ways
        return bool(ways)

    @property
    def next_ones(self) -> list[RawOutput]:
        """The outputs that may come next."""
        way = min(self._ways)
        return [outputs[found] for outputs, found in zip(self._outputs, way, strict=True) if found < len(outputs)]

    @property
    def left(self) -> dict[str, int]:
        """The number of outputs that are not found, by shard, without those that have none left."""
        way = min(self._ways)
        lefts = {
            name: len(outputs) - found for name, outputs, found in zip(self._names, self._outputs, way, strict=True)
        }
        return {name: left for name, left in lefts.items() if left}

    def may_have_ended(self, shards: Collection[str]) -> bool:
        """Returns whether all outputs of one of some shards may be found."""
        if not shards:
            return False
        if not all(name in self._names for name in shards):
            return True
        numbers = [self._names.index(name) for name in shards]
        return any(way[number] == len(self._outputs[number]) for way in self._ways for number in numbers)


def is_equal(output: RawOutput, record: RawRecord) -> bool:
    """Returns whether a record is an output.

    Places in headers tell dead letters and forwarded records of equal bytes apart. Other outputs are made without.
    """
    if output.value != record.value or output.key != record.key:
        return False
    return not output.headers or output.headers == record.headers
