"""Groups records into blocks of bounded size."""

from collections.abc import Iterable, Iterator

from streams.pipeline.journal.raw_records import RawRecord


def record_blocks(records: Iterable[RawRecord], rows_max: int, bytes_max: int) -> Iterator[list[RawRecord]]:
    """Yields records in blocks, each of at most rows_max, and ended by the record whose value reaches bytes_max."""
    block: list[RawRecord] = []
    size = 0
    for record in records:
        block.append(record)
        size += len(record.value or b"")
        if len(block) >= rows_max or size >= bytes_max:
            yield block
            block, size = [], 0
    if block:
        yield block
