"""SQL of panels: the shared query files with the dashboards' variables in place of their parameters."""

import re
from typing import Any

from infra.clickhouse.client import query_file

PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")
VARIABLES = {"run_id": "run_id", "account_id": "account", "session_id": "session"}
"""Parameters of query files by the variable of the dashboards that stands for them."""
CONVENTIONS: dict[str, Any] = {
    "time_zone": "UTC",
    "annualisation": 252,
    "mar": 0,
    "benchmark_sharpe": 0,
    "confidence": 0.95,
    "level": 0.05,
    "trials": None,
    "trials_variance": None,
    "basis": "round_trips",
    "by": "",
    "points": 2000,
}
"""The defaults of `paper metrics show`; see Conventions in streams.evidence.metrics.compute_metrics."""
OF_SESSION = {"scope": "session", "scope_id": "concat(${account:sqlstring}, '/', ${session:sqlstring})"}
OF_ALL = {"scope": "account", "scope_id": ""}


def shared(name: str, columns: str = "*", rest: str = "", **parameters: Any) -> str:
    """The query file of a name under a selection of its columns; rest: what follows, as WHERE or ORDER BY."""
    return f"SELECT {columns}\nFROM\n(\n{_filled(query_file(name), parameters)}\n)\n{rest}".rstrip()


def _filled(query: str, parameters: dict[str, Any]) -> str:
    def literal(match: re.Match[str]) -> str:
        name, kind = match[1], match[2]
        if name in VARIABLES and name not in parameters:
            return f"${{{VARIABLES[name]}:sqlstring}}"
        value = (CONVENTIONS | parameters)[name]
        if value is None:
            return f"CAST(NULL AS {kind})"
        if isinstance(value, str):
            return value if "${" in value else f"'{value}'"
        return f"to{kind}({value})"

    return PARAMETER.sub(literal, query)
