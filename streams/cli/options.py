"""Options that several commands share."""

from __future__ import annotations

import typer

from streams.evidence.metrics.conventions import DEFAULTS

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _log_level(name: str) -> str:
    if name.upper() not in LOG_LEVELS:
        raise typer.BadParameter(f"{name}: must be one of {', '.join(LOG_LEVELS)}")
    return name.upper()


JSON_LINES = typer.Option(False, "--json", help="Print one JSON object per line, for scripts.")
JSON = typer.Option(False, "--json", help="Print JSON, for scripts.")
RUN_ID = typer.Option("", "--run-id", help="Run to read; default: the setting RUN_ID.")
AS_OF = typer.Option(
    "", "--as-of", help="Cut to read at: the name that an earlier command printed. Default: all that has landed by now."
)
TIME_ZONE = typer.Option(DEFAULTS.time_zone, help="Time zone in which days begin, such as America/New_York.")
ANNUALISATION = typer.Option(
    DEFAULTS.annualisation, min=1, help="Trading days per year: 252 for stocks and currencies, 365 for crypto."
)
LOG_LEVEL = typer.Option(
    "INFO",
    "--log-level",
    callback=_log_level,
    help="Least severe messages to log: DEBUG, INFO, WARNING or ERROR.",
)
SYMBOL_OF_FILE = typer.Option(
    "", "--symbol", help="Symbol of all rows; default: as the rows, the folder or the name say."
)
