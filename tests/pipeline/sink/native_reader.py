"""Reading Native blocks by clickhouse-connect, independently of the sink's code."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform

BUFFER = "clickhouse_connect.driverc.buffer"
"""Compiled, without types."""


def read_native(block: bytes) -> list[dict[str, Any]]:
    """Returns the cells of each column; times as integers in their own unit."""
    source: Any = import_module(BUFFER).ResponseBuffer(
        SimpleNamespace(gen=iter([block]), close=lambda: None, exception_tag=None)
    )
    result: Any = NativeTransform.parse_response(source, QueryContext(query_formats={"DateTime64": "int"}))
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]
