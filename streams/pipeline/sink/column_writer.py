"""Blocks of encoded records as ClickHouse columns: the fast path for blocks without unusual records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.avro.codec import HEADER
from streams.pipeline.sink import native_block
from streams.pipeline.sink.column_batch import ColumnBatch
from streams.pipeline.sink.tables import Span
from streams.pipeline.sink.transpose import ColumnField, fields_of, transpose

ROWS_AT_ONCE = 8_192
"""Number of rows whose columns fit into a processor's cache."""


class ColumnWriter:
    """A builder of blocks for one writer schema and run. Equal records give equal bytes."""

    def __init__(self, fields: tuple[ColumnField, ...], wanted: frozenset[str], run_id: str) -> None:
        self._fields = fields
        self._wanted = wanted
        self._run_id = run_id

    @classmethod
    def of(cls, schema: dict[str, Any], ours: dict[str, Any], run_id: str) -> ColumnWriter | None:
        """Returns a builder for a writer's schema. The fields that our own schema has too become columns.

        Returns None if a field can't be transposed, or if its type differs from our field of the same name.
        """
        fields, known = fields_of(schema), fields_of(ours)
        if fields is None or known is None:
            return None
        kinds = {field.name: field._replace(symbols=()) for field in known}
        if any(kinds.get(field.name, field._replace(symbols=())) != field._replace(symbols=()) for field in fields):
            return None
        return cls(fields, frozenset(kinds), run_id)

    def build(self, batches: Sequence[ColumnBatch], values: Sequence[bytes]) -> bytes:
        """Builds the block of at least one record.

        Raises UnusualRecord if a record is bad or has another header than the first.
        """
        rows, header = len(values), values[0][: HEADER.size]
        partitions = np.repeat(np.array([b.partition for b in batches], np.int32), [len(b) for b in batches])
        places = [
            native_block.same_text("run_id", self._run_id, rows),
            native_block.numbers("partition", "Int32", partitions),
            native_block.numbers("offset", "Int64", np.concatenate([batch.offsets for batch in batches])),
            native_block.numbers(
                "kafka_timestamp", "DateTime64(3, 'UTC')", np.concatenate([b.timestamps_ms for b in batches])
            ),
        ]
        pieces = [
            transpose(values[row : row + ROWS_AT_ONCE], header, self._fields) for row in range(0, rows, ROWS_AT_ONCE)
        ]
        columns = [
            native_block.column(piece) for piece in zip(*pieces, strict=True) if piece[0].field.name in self._wanted
        ]
        return native_block.block(rows, [*places, *columns])


def spans(batches: Sequence[ColumnBatch]) -> dict[int, Span]:
    """Returns the span of offsets of each partition in batches."""
    found: dict[int, Span] = {}
    for batch in batches:
        before = found.get(batch.partition)
        first, rows = (before.first, before.rows) if before else (int(batch.offsets[0]), 0)
        found[batch.partition] = Span(first, int(batch.offsets[-1]), rows + len(batch))
    return found
