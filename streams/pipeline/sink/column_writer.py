"""Whole blocks of encoded records as columns for ClickHouse: what costs least where every record is as it should be."""

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
"""Rows whose columns stay in a processor's cache."""


class ColumnWriter:
    """Builds blocks of one writer schema for one run. Equal records give equal bytes."""

    def __init__(self, fields: tuple[ColumnField, ...], wanted: frozenset[str], run_id: str) -> None:
        self._fields = fields
        self._wanted = wanted
        self._run_id = run_id

    @classmethod
    def of(cls, schema: dict[str, Any], ours: dict[str, Any], run_id: str) -> ColumnWriter | None:
        """A writer for a schema, whose fields that are also of our own schema become columns.

        None where it has a field that can't be read this way, or that is another one than ours of the same name.
        """
        fields, known = fields_of(schema), fields_of(ours)
        if fields is None or known is None:
            return None
        kinds = {field.name: field._replace(symbols=()) for field in known}
        if any(kinds.get(field.name, field._replace(symbols=())) != field._replace(symbols=()) for field in fields):
            return None
        return cls(fields, frozenset(kinds), run_id)

    def build(self, batches: Sequence[ColumnBatch], values: Sequence[bytes]) -> bytes:
        """The block of some records, one at least. Raises UnusualRecord where one is not like the first, or is bad."""
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
    """What batches span."""
    found: dict[int, Span] = {}
    for batch in batches:
        before = found.get(batch.partition)
        first, rows = (before.first, before.rows) if before else (int(batch.offsets[0]), 0)
        found[batch.partition] = Span(first, int(batch.offsets[-1]), rows + len(batch))
    return found
