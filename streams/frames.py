"""Frames of a run's records and metrics, for research in Python: Arrow tables, whose to_pandas() gives pandas.

    from streams import frames

    fills = frames.rows("fills", session="alice-1f2e3d4c").to_pandas()
    metrics = frames.metrics("session", "alice-1f2e3d4c").to_pandas()

What is read is read at one cut. The schema's metadata name it (`cut`), and as_of reads the same again.
"""

from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from infra.settings import Settings, get_settings
from schemas.records.numbers import plain
from streams.errors import InputError
from streams.evidence.cut import Cut, read_at_cut
from streams.evidence.export_rows import TABLES, Selection, export_rows
from streams.evidence.metrics.compute_metrics import MetricScope, metric_values, session_scope
from streams.evidence.metrics.conventions import DEFAULTS, Conventions
from streams.evidence.metrics.metric_catalog import BREAKDOWNS, METRIC_BY_NAME

SCOPES = ("session", "account", "strategy")
PARTS = tuple(dict.fromkeys(part for parts in BREAKDOWNS.values() for part in parts))
METRIC_FIELDS = {
    "scope_id": pa.string(),
    "currency": pa.string(),
    "part": pa.string(),
    "name": pa.string(),
    "unit": pa.string(),
    "value": pa.float64(),
    "text": pa.string(),
    "why_null": pa.string(),
}


def rows(
    name: str,
    *,
    session: str = "",
    account: str = "",
    symbol: str = "",
    run_id: str = "",
    as_of: str = "",
    settings: Settings | None = None,
) -> pa.Table:
    """Returns the rows of a kind: orders, fills, equity and the others of streams.evidence.export_rows.TABLES.

    They stand in the order of the table's key. Amounts and prices are decimals, times are UTC.

    Args:
        name: the kind of rows.
        session, account, symbol: empty for all.
        run_id: empty for the setting RUN_ID.
        as_of: the name of an earlier cut; empty for now.
        settings: those of the environment by default.

    Raises:
        InputError: an unknown kind or cut, or nothing is found.
        ClickHouseError: ClickHouse does not answer.
    """
    _demand("kind", name, tuple(TABLES))

    def read(client: Client, run: str) -> pa.Table:
        file = BytesIO()
        export_rows(client, Selection(name, run, session, account, symbol), "arrow", file)
        return pa.ipc.open_file(pa.py_buffer(file.getbuffer())).read_all()

    return _at_cut(read, run_id, as_of, settings)


def metrics(
    kind: str,
    name: str,
    *,
    by: str = "",
    account: str = "",
    conventions: Conventions = DEFAULTS,
    run_id: str = "",
    as_of: str = "",
    settings: Settings | None = None,
) -> pa.Table:
    """Returns the metrics of a session, an account or a strategy, one in each row; none if it has no records.

    value is the number, null if it is undefined (why_null then says what lacks) or a date. text has every digit of an
    amount, and dates.

    Args:
        kind: session, account or strategy.
        name: its id.
        by: empty for the whole, or day, instrument or reason (of rejects).
        account: the session's, if several accounts have used its id.
        conventions: as of `paper metrics show`.
        run_id, as_of, settings: as in rows.

    Raises:
        InputError: an unknown kind, part or cut, or several accounts have the session.
        ClickHouseError: ClickHouse does not answer.
    """
    _demand("kind", kind, SCOPES)
    _demand("by", by, PARTS)

    def read(client: Client, run: str) -> pa.Table:
        scope = session_scope(client, run, name, account) if kind == "session" else MetricScope(kind, name)
        found = [
            value._asdict()
            | {
                "unit": METRIC_BY_NAME[value.name].unit.replace("currency", value.currency),
                "value": _number(value.value),
                "text": _text(value.value),
            }
            for value in metric_values(client, run, scope, conventions, by)
        ]
        return pa.Table.from_pylist(found, pa.schema(METRIC_FIELDS))

    return _at_cut(read, run_id, as_of, settings)


def _at_cut(read: Callable[[Client, str], pa.Table], run_id: str, as_of: str, settings: Settings | None) -> pa.Table:
    """Returns a table that is read at one cut, with the cut's name in its metadata."""
    chosen = settings or get_settings()
    run = run_id or chosen.run_id

    def read_named(client: Client, cut: Cut) -> pa.Table:
        return read(client, run).replace_schema_metadata({"run_id": run, "cut": cut.name})

    return read_at_cut(chosen, run, read_named, as_of)


def _demand(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise InputError(f"{what} {given!r}: must be one of {', '.join(name or 'empty' for name in known)}")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | Decimal) else None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return plain(value) if isinstance(value, Decimal) else str(value)
