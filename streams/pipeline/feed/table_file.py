"""A market table as an Arrow file, which processes map into memory: it is parsed once, and all share its pages."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from streams.pipeline.feed.table import COLUMNS, LEVEL_COLUMNS, MarketTable

UPDATES, LEVELS = ("symbol", *COLUMNS), LEVEL_COLUMNS
SYMBOLS, SOURCE = b"symbols", b"source"


def write_table(table: MarketTable, path: Path) -> None:
    """Writes a table to a file. It holds each column as a list in one row, because their lengths differ."""
    columns = {name: pa.array([getattr(table, name)]) for name in (*UPDATES, *LEVELS)}
    batch = pa.record_batch(columns).replace_schema_metadata({SYMBOLS: json.dumps(table.symbols), SOURCE: table.source})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def map_table(path: Path) -> MarketTable:
    """Returns the table of a file, whose columns are read only and stay on disk until they are looked at."""
    with pa.memory_map(str(path)) as file:
        batch = pa.ipc.open_file(file).get_batch(0)
    columns: dict[str, Any] = {name: batch[name].values.to_numpy() for name in (*UPDATES, *LEVELS)}
    metadata = batch.schema.metadata
    return MarketTable(tuple(json.loads(metadata[SYMBOLS])), source=metadata[SOURCE].decode(), **columns)
