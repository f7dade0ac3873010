"""`paper explain`: tells the story of an order from ClickHouse."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.options import AS_OF, JSON_LINES
from streams.cli.output import show

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from streams.evidence.cut import Cut

Row = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(explain)


def explain(
    order_id: str = typer.Argument(..., help="Id of the order."),
    account: str = typer.Option("", help="Account of the order, if several accounts have used the id."),
    as_of: str = AS_OF,
    as_json: bool = JSON_LINES,
) -> None:
    """Explains what happened to an order and why: requests, risk controls, market, fills, costs and booking.

    Exit code 1 if ClickHouse has no such order.
    """
    from infra.settings import get_settings
    from streams.errors import InputError
    from streams.evidence.order_story import story

    rows = _rows(order_id, account, as_of)
    if not rows:
        raise InputError(
            f"order {order_id}: run {get_settings().run_id} has none in ClickHouse; `paper orders list --recent 20` "
            "shows orders, `paper status` whether the sink runs"
        )
    if as_json:
        for row in rows:
            print(json.dumps({name: _plain(value) for name, value in row.items() if value not in (None, "")}))
    else:
        show("\n".join(story(rows)))


def _rows(order_id: str, account: str, as_of: str) -> list[Row]:
    from infra.clickhouse.client import query_file
    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.evidence.cut import read_at_cut

    settings = get_settings()
    parameters = {"run_id": settings.run_id, "order_id": order_id, "account_id": account}

    def read(client: Client, cut: Cut) -> tuple[Cut, list[Row]]:
        return cut, list(client.query(query_file("explain_order"), parameters=parameters).named_results())

    cut, rows = read_at_cut(settings, settings.run_id, read, as_of)
    say(cut.line)
    return rows


def _plain(value: Any) -> Any:
    from schemas.records.numbers import plain

    if isinstance(value, Decimal):
        return plain(value)
    return value if isinstance(value, int | bool) else str(value)
