"""Outputs that shards make to a compacted topic, where Kafka removes records that newer ones of their key replace."""

from collections.abc import Collection, Mapping, Sequence

from streams.evidence.replay.waiting_outputs import is_equal
from streams.pipeline.journal.raw_records import RawOutput, RawRecord


class CompactedOutputs:
    """The counterpart of WaitingOutputs for a compacted topic, of which each key belongs to one shard.

    An output that a later one of its key replaces may be missing on the topic; the newest of each key may not.
    backwards: the outputs come from the newest on. newer: keys of records behind all outputs.
    """

    def __init__(
        self, shards: Mapping[str, Sequence[RawOutput]], backwards: bool, newer: Collection[bytes | None]
    ) -> None:
        self._outputs = dict(shards)
        self._replaced = {name: _replaced(outputs, backwards, newer) for name, outputs in shards.items()}
        self._found = dict.fromkeys(shards, 0)

    def take(self, record: RawRecord) -> bool:
        """Finds the output that a record is. Returns whether there is one."""
        for name, outputs in self._outputs.items():
            replaced, place = self._replaced[name], self._found[name]
            while place < len(outputs) and replaced[place] and not is_equal(outputs[place], record):
                place += 1
            if place < len(outputs) and is_equal(outputs[place], record):
                self._found[name] = place + 1
                return True
        return False

    @property
    def next_ones(self) -> list[RawOutput]:
        """The outputs that may come next."""
        return [
            outputs[self._found[name]] for name, outputs in self._outputs.items() if self._found[name] < len(outputs)
        ]

    @property
    def left(self) -> dict[str, int]:
        """The number of outputs that are not found and must be there, by shard, without those that have none left."""
        lefts = {name: self._replaced[name][found:].count(False) for name, found in self._found.items()}
        return {name: left for name, left in lefts.items() if left}

    def may_have_ended(self, shards: Collection[str]) -> bool:
        """Returns whether all outputs of one of some shards may be found."""
        return not self.left.keys() >= set(shards)


def _replaced(outputs: Sequence[RawOutput], backwards: bool, newer: Collection[bytes | None]) -> list[bool]:
    """Returns for each output whether a later one has its key."""
    later = set(newer)
    found = []
    for output in outputs if backwards else reversed(outputs):
        found.append(output.key in later)
        later.add(output.key)
    return found if backwards else found[::-1]
