"""The ends of many partitions."""

from collections.abc import Callable, Iterable

from streams.pipeline.journal.log import LogReader

Ends = dict[tuple[str, int], int]
"""The next offset to be written, by topic and partition."""


def partition_ends(reader: LogReader, topics: Iterable[str], partitions: Callable[[str], int]) -> Ends:
    """Returns the ends of all partitions of some topics. partitions: number of partitions of a topic.

    Raises LogUnavailable.
    """
    counts = {topic: partitions(topic) for topic in topics}
    ends: Ends = {}
    for partition in range(max(counts.values(), default=0)):
        there = [topic for topic, count in counts.items() if count > partition]
        ends |= {(topic, partition): end for topic, (_, end) in reader.bounds(there, partition).items()}
    return ends
