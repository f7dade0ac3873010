"""`paper explain`: tells the story of an order from ClickHouse."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import typer

from streams.cli.options import JSON_LINES

Row = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(explain)


def explain(
    order_id: str = typer.Argument(..., help="Id of the order."),
    account: str = typer.Option("", help="Account of the order, if several accounts have used the id."),
    as_json: bool = JSON_LINES,
) -> None:
    """Explains what happened to an order and why: requests, risk controls, market, fills, costs and booking.

    Exit code 1 if ClickHouse has no such order.
    """
    from streams.cli.order_story import story

    rows = _rows(order_id, account)
    if not rows:
        typer.echo(
            f"no order {order_id} in ClickHouse; check RUN_ID, and with `paper status` that the sink runs",
            err=True,
        )
        raise typer.Exit(1)
    if as_json:
        for row in rows:
            print(json.dumps({name: _plain(value) for name, value in row.items() if value not in (None, "")}))
    else:
        print("\n".join(story(rows)))


def _rows(order_id: str, account: str) -> list[Row]:
    from contextlib import closing

    from infra.clickhouse.client import connect, query_file
    from infra.settings import get_settings

    settings = get_settings()
    parameters = {"run_id": settings.run_id, "order_id": order_id, "account_id": account}
    with closing(connect(settings)) as client:
        return list(client.query(query_file("explain_order"), parameters=parameters).named_results())


def _plain(value: Any) -> Any:
    from schemas.records.numbers import plain

    if isinstance(value, Decimal):
        return plain(value)
    return value if isinstance(value, int | bool) else str(value)
