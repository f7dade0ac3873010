"""`paper study`: compares simulators on a recorded market."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.command_group import add_group

if TYPE_CHECKING:
    from streams.core.reference.declarations import InstrumentConfig
    from streams.pipeline.feed.table import MarketTable

FILES = typer.Argument(..., help="Market data files of one instrument; several are merged by time.")
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
QUANTITIES = ("100", "500", "1000", "5000", "20000")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    add_group(app, "study", "Compares simulators on recorded markets.", {"passive": passive, "taking": taking})


def passive(
    files: list[Path] = FILES,
    quantity: str = typer.Option(..., help="Units of each order."),
    every: float = typer.Option(1.0, min=0.01, help="Seconds of market time between probes."),
    lifetime: float = typer.Option(30.0, min=0.1, help="Seconds after which an order is canceled."),
    as_json: bool = AS_JSON,
) -> None:
    """Buys at the bid and sells at the ask under each fill model; prints the share that fills and the time it takes."""
    from schemas.records.numbers import to_price
    from streams.tools.study.passive_orders import passive_orders

    table, instrument = _market(files)
    rows = [row._asdict() for row in passive_orders(table, instrument, to_price(quantity), every, lifetime)]
    for row in rows:
        row["fill_rate"] = f"{row['fill_rate']:.1%}"
        row["seconds_to_fill"] = "-" if row["seconds_to_fill"] is None else f"{row['seconds_to_fill']:.2f}"
    _print(rows, as_json)


def taking(
    files: list[Path] = FILES,
    start: datetime = typer.Option(..., "--from", help="UTC time of the first probe."),
    end: datetime = typer.Option(..., "--to", help="UTC time after the last probe."),
    every: float = typer.Option(60.0, min=1, help="Seconds of market time between probes."),
    quantity: list[str] = typer.Option(QUANTITIES, help="Units of an order; may be repeated."),
    as_json: bool = AS_JSON,
) -> None:
    """Sends market orders of several sizes; prints their cost against the mid price and in half-spreads."""
    from schemas.records.numbers import NANOS_PER_S, price_text, to_price
    from streams.tools.study.taking_orders import taking_orders

    table, instrument = _market(files)
    first, last = (int(time.replace(tzinfo=UTC).timestamp()) * NANOS_PER_S for time in (start, end))
    times = list(range(first, last, int(every * NANOS_PER_S)))
    rows = []
    for row in taking_orders(table, instrument, [to_price(item) for item in quantity], times):
        rows.append(
            {
                "slippage_model": row.slippage_model,
                "quantity": price_text(row.quantity),
                "orders": row.orders,
                "filled": f"{row.filled:.1%}",
                "half_spread": f"{row.half_spread:.5f}",
                "cost": f"{row.cost:.5f}",
                "cost_in_half_spreads": f"{row.multiple:.2f}",
            }
        )
    _print(rows, as_json)


def _market(files: list[Path]) -> tuple[MarketTable, InstrumentConfig]:
    from infra.settings import get_settings
    from streams.errors import InputError
    from streams.pipeline.feed.read_file import read_file
    from streams.pipeline.feed.table import MarketTable
    from streams.tools.demo.demo_market import instruments_for

    table = MarketTable.merged([read_file(path) for path in files])
    if len(table.symbols) != 1:
        raise InputError(f"a study needs one instrument; these files hold {', '.join(table.symbols)}")
    return table, instruments_for(get_settings(), table)[table.symbols[0]]


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    from streams.cli.output import print_rows

    if as_json:
        print("\n".join(json.dumps(row) for row in rows))
    else:
        print_rows(rows, list(rows[0]), False)
