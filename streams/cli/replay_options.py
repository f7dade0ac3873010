"""Options that several commands of `paper replay` have."""

from __future__ import annotations

import typer

WITH = typer.Option(
    None, "--with", help="YAML file of changes to settings, limits, orders and strategies; default: no changes."
)
DATA = typer.Option(
    [],
    help="Archive to read instead of the topics, or folder of market data files to read instead of market.data; give "
    "both by repeating the option.",
)
STRATEGIES_ONLY = typer.Option(
    False,
    "--strategies-only",
    help="Read no recorded orders: run only the strategies of --with, on the market data files of --data, with the "
    "present settings.",
)
