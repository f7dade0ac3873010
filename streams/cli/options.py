"""Options that several commands share."""

from __future__ import annotations

import typer

JSON_LINES = typer.Option(False, "--json", help="Print one JSON object per line, for scripts.")
JSON = typer.Option(False, "--json", help="Print JSON, for scripts.")
RUN_ID = typer.Option("", "--run-id", help="Run to read; default: the setting RUN_ID.")
TIME_ZONE = typer.Option(None, help="Time zone in which days begin, such as America/New_York; default: UTC.")
ANNUALISATION = typer.Option(
    None, min=1, help="Trading days per year: 252 for stocks and currencies, 365 for crypto; default: 252."
)
LOG_LEVEL = typer.Option("INFO", "--log-level", help="Least severe messages to log: DEBUG, INFO, WARNING or ERROR.")
