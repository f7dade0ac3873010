"""SQL of panels: the shared query files, with dashboard variables and defaults in place of their parameters."""

import re
from typing import Any

from infra.clickhouse.client import query_file
from streams.evidence.metrics.conventions import DEFAULTS

PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")
VARIABLES = {"run_id": "run_id", "account_id": "account", "session_id": "session"}
"""Parameters of query files, with the dashboard variable that stands for each."""
LINE_POINTS = 2000
"""Maximum number of points of a line."""
DEFAULT_PARAMETERS: dict[str, Any] = {**DEFAULTS._asdict(), "by": "", "points": LINE_POINTS}
SESSION_SCOPE = {"scope": "session", "scope_id": "concat(${account:sqlstring}, '/', ${session:sqlstring})"}
ACCOUNTS_SCOPE = {"scope": "account", "scope_id": ""}
OF_RUN = "WHERE run_id = ${run_id:sqlstring}"
POINTS_OUTSIDE = 500
"""Number of points of a line whose data lie outside the dashboard's range."""


def over_time(table: str, columns: str, series: str, where: str = OF_RUN, time: str = "ts") -> str:
    """Returns a query of values over market time, within the dashboard's range, or of all if nothing lies within it.

    A recorded market is years old, so the range of the last day shows nothing of it. With rows outside its range,
    Grafana offers to zoom to them. columns: the values; series: the column that names a line.
    """
    return f"""WITH
    (SELECT (countIf($__timeFilter({time})), min({time}), max({time})) FROM {table}
    {where}) AS seen,
    greatest(1, intDiv(dateDiff('second', seen.2, seen.3), {POINTS_OUTSIDE})) AS step
SELECT
    if(seen.1 > 0, $__timeInterval({time}), toStartOfInterval(toDateTime({time}), toIntervalSecond(step))) AS time,
    {columns}
FROM {table}
{where} AND (seen.1 = 0 OR $__timeFilter({time}))
GROUP BY time, {series}
ORDER BY time"""


def query_sql(name: str, columns: str = "*", rest: str = "", **parameters: Any) -> str:
    """Returns a selection of the columns of a query file. rest: what follows it, a WHERE or an ORDER BY."""
    return f"SELECT {columns}\nFROM\n(\n{_filled(query_file(name), parameters)}\n)\n{rest}".rstrip()


def _filled(query: str, parameters: dict[str, Any]) -> str:
    def literal(match: re.Match[str]) -> str:
        name, kind = match[1], match[2]
        if name in VARIABLES and name not in parameters:
            return f"${{{VARIABLES[name]}:sqlstring}}"
        value = (DEFAULT_PARAMETERS | parameters)[name]
        if value is None:
            return f"CAST(NULL AS {kind})"
        if isinstance(value, str):
            return value if "${" in value else f"'{value}'"
        return f"to{kind}({value})"

    return PARAMETER.sub(literal, query)
