"""Rows of ClickHouse that the service answers with."""

from __future__ import annotations

from typing import Any

from infra.clickhouse.client import connect
from infra.clickhouse.users import READER
from infra.settings import Settings
from streams.evidence.query_rows import Row, query_rows

ROWS_MAX = 10_000


class StoredRows:
    """The rows of this run. A connection is made for the first question, and again after an error."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Any = None

    def equity(self, account_id: str, span_s: int, from_ns: int, to_ns: int) -> list[Row]:
        """Returns the last equity in each span of seconds. Raises ClickHouseError."""
        values = {"account_id": account_id, "span_s": span_s, "from_ns": from_ns, "to_ns": to_ns, "rows_max": ROWS_MAX}
        return self._rows("serve_equity", values, account_id)

    def bars(self, symbol: str, span_s: int, from_ns: int, to_ns: int, rows_max: int) -> list[Row]:
        """Returns bars of a span of seconds. Raises ClickHouseError."""
        values = {"symbol": symbol, "span_s": span_s, "from_ns": from_ns, "to_ns": to_ns, "rows_max": rows_max}
        return self._rows("serve_bars", values, symbol)

    def trades(self, symbol: str, from_ns: int, to_ns: int, rows_max: int) -> list[Row]:
        """Returns trades, oldest first. Raises ClickHouseError."""
        values = {"symbol": symbol, "from_ns": from_ns, "to_ns": to_ns, "rows_max": rows_max}
        return self._rows("serve_trades", values, symbol)

    def last_trade(self, symbol: str) -> Row | None:
        """Returns the last trade of a symbol; None if it has none. Raises ClickHouseError."""
        return next(iter(self._rows("serve_last_trade", {"symbol": symbol}, symbol)), None)

    def _rows(self, query: str, values: dict[str, Any], subject: str) -> list[Row]:
        if self._client is None:
            self._client = connect(self._settings, user=READER)
        return query_rows(self._client, query, {"run_id": self._settings.run_id, **values}, subject)
