"""Rows of ClickHouse that the service answers with."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infra.clickhouse.client import connect
from infra.clickhouse.users import READER
from infra.settings import Settings
from schemas.records.enums import OrderType, OrdStatus, Side, TimeInForce
from schemas.records.numbers import to_price
from streams.evidence.query_rows import Row, query_rows
from streams.serve.order_state import OrderState

ROWS_MAX = 10_000


class StoredRows:
    """The rows of this run. A connection is made for the first question, and again after an error."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Any = None

    def equity(self, account_id: str, span_s: int, from_ns: int, to_ns: int, run_id: str = "") -> list[Row]:
        """Returns the last equity in each span of seconds. run_id: default this run. Raises ClickHouseError."""
        values = {"account_id": account_id, "span_s": span_s, "from_ns": from_ns, "to_ns": to_ns, "rows_max": ROWS_MAX}
        if run_id:
            values["run_id"] = run_id
        return self._rows("serve_equity", values, account_id)

    def ended_order(self, account_id: str, order_id: str) -> OrderState | None:
        """Returns an order that has ended; None if there is none with this id. Raises ClickHouseError."""
        values = {"account_id": account_id, "order_id": order_id}
        row = next(iter(self._rows("serve_order", values, f"order {order_id}")), None)
        return None if row is None else _order(account_id, order_id, row)

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
        return next(iter(self.newest_trades(symbol, 1)), None)

    def newest_trades(self, symbol: str, rows_max: int) -> list[Row]:
        """Returns the newest trades of a symbol, newest first. Raises ClickHouseError."""
        return self._rows("serve_newest_trades", {"symbol": symbol, "rows_max": rows_max}, symbol)

    def book(self, symbol: str, levels: int) -> list[Row]:
        """Returns the newest book of a symbol, best levels first; none of quotes alone. Raises ClickHouseError."""
        return self._rows("serve_book", {"symbol": symbol, "levels": levels}, symbol)

    def order_history(self, account_id: str, order_id: str) -> list[Row]:
        """Returns the rows of explain_order. Raises ClickHouseError."""
        return self._rows("explain_order", {"account_id": account_id, "order_id": order_id}, order_id)

    def dead_letters(self, replayed_until: Mapping[str, int], rows_max: int) -> list[Row]:
        """Returns the kinds of dead letters with their number, most first. Raises ClickHouseError.

        replayed_until: the first offset that was not sent again, by topic of dead letters.
        """
        cursors = {"boxes": list(replayed_until), "replayed_until": list(replayed_until.values())}
        return self._rows("serve_dead_letters", {"rows_max": rows_max, **cursors}, "dead letters")

    def sessions(self) -> list[Row]:
        """Returns the sessions of this run, newest first. Raises ClickHouseError."""
        return self._rows("sessions", {}, "sessions")

    def runs(self, rows_max: int) -> list[Row]:
        """Returns the finished replays, newest first. Raises ClickHouseError."""
        return self._rows("serve_runs", {"rows_max": rows_max}, "replays")

    def run_results(self, run_ids: list[str]) -> list[Row]:
        """Returns the results of runs over all their accounts. Raises ClickHouseError."""
        return self._rows("replay_summary", {"run_ids": run_ids}, "replays")

    def _rows(self, query: str, values: dict[str, Any], subject: str) -> list[Row]:
        if self._client is None:
            self._client = connect(self._settings, user=READER)
        return query_rows(self._client, query, {"run_id": self._settings.run_id, **values}, subject)


def _order(account_id: str, order_id: str, row: Row) -> OrderState:
    return OrderState(
        order_id,
        account_id,
        symbol=row["symbol"],
        side=Side(row["side"]),
        order_type=OrderType(row["order_type"]),
        time_in_force=TimeInForce(row["time_in_force"]),
        quantity=_units(row["order_qty"]),
        price=_units(row["price"]),
        status=OrdStatus(row["ord_status"]),
        is_terminal=True,
        has_result=True,
        reason=row["text"],
        cum_qty=to_price(row["cum_qty"]),
        avg_px=_units(row["avg_px"]),
        created_ns=row["order_ts_ns"],
        updated_ns=row["ts_ns"],
    )


def _units(value: Decimal | None) -> int | None:
    return None if value is None else to_price(value)
