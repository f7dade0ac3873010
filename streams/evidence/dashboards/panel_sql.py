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
