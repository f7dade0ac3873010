"""Fills a panel's SQL in as Grafana and its ClickHouse plugin do before they send it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

FROM, TO = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
INTERVAL_S = 60
TIMES = (
    (r"\$__timeFilter\(([^()]+)\)", r"\1 >= toDateTime({start}) AND \1 <= toDateTime({end})"),
    (r"\$__timeInterval\(([^()]+)\)", r"toStartOfInterval(toDateTime(\1), INTERVAL {step} second)"),
    (r"\$__fromTime", r"toDateTime({start})"),
    (r"\$__toTime", r"toDateTime({end})"),
)
"""Macros of the plugin as its documentation defines them (github.com/grafana/clickhouse-datasource, README)."""


def expanded(sql: str, variables: dict[str, str], start: datetime = FROM, end: datetime = TO) -> str:
    """Returns the query with macros and variables filled in. Raises AssertionError for an unknown one."""
    times = {"start": int(start.timestamp()), "end": int(end.timestamp()), "step": INTERVAL_S}
    for pattern, replacement in TIMES:
        sql = re.sub(pattern, replacement.format(**times), sql)
    sql = re.sub(r"\$\{(\w+):sqlstring\}", lambda match: _sql_string(variables[match[1]]), sql)
    assert "$" not in sql, f"not expanded: {sql[sql.index('$') :][:60]}"
    return sql


def _sql_string(value: str) -> str:
    """Formats a value as Grafana's sqlstring does: in single quotes, which are doubled inside."""
    return "'" + value.replace("'", "''") + "'"
