"""`paper quotes`: shows the last quotes of instruments while they change."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.options import JSON_LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schemas.records.messages import Mark

TOPIC = "marks"
POLL_S = 0.2
COLUMNS = ("symbol", "bid_sz", "bid_px", "ask_px", "ask_sz", "spread", "time")


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(quotes)


def quotes(
    symbols: list[str] = typer.Argument(..., help="Symbols of the instruments."),
    once: bool = typer.Option(False, "--once", help="End as soon as each instrument has a quote; waits for the first."),
    as_json: bool = JSON_LINES,
) -> None:
    """Shows the last quotes of instruments as they change, until Ctrl-C: a table in a terminal, else lines.

    They are those at which accounts are valued; a worker makes them. time is the market's.
    """
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.follow import Follower
    from streams.pipeline.clients.newest_marks import ANY_PARTITION, newest_quotes

    wanted = {_instrument(symbol) for symbol in symbols}
    settings = get_settings()
    codec = Codec(Registry(settings))
    with ExitStack() as stack:
        follower = stack.enter_context(Follower(settings, codec, [TOPIC]))
        newest = newest_quotes(settings, codec, wanted)
        update = _output(stack, as_json)
        update(newest, newest.values())
        while not (once and newest.keys() >= wanted):
            changed: dict[str, Mark] = {}
            for followed in follower.poll(POLL_S):
                mark = followed.message
                if followed.partition == ANY_PARTITION and mark.symbol in wanted and _is_news(mark, newest):
                    changed[mark.symbol] = mark
            newest |= changed
            if changed:
                update(newest, changed.values())


def quote_row(mark: Mark) -> dict[str, Any]:
    """Returns a quote as a row. spread: ask less bid; None if one side is missing."""
    from schemas.records.numbers import price_text
    from streams.cli.output import readable

    sides = readable(mark)
    known = mark.bid_px is not None and mark.ask_px is not None
    spread = price_text(mark.ask_px - mark.bid_px) if known else None  # type: ignore[operator]
    return {name: sides.get(name) for name in COLUMNS} | {"spread": spread, "time": mark.ts, "ts": mark.ts}


def quote_line(mark: Mark) -> str:
    """Returns a quote as a line: time, symbol, bid size x bid / ask x ask size; a dash for a missing side."""
    from streams.cli.cell_text import cell

    row = {name: cell(name, value) or "-" for name, value in quote_row(mark).items()}
    return "{time}  {symbol}  {bid_sz} x {bid_px} / {ask_px} x {ask_sz}".format_map(row)


def _is_news(mark: Mark, newest: dict[str, Mark]) -> bool:
    """Returns whether a mark is a quote that is not older than the newest, which was read after the following began."""
    from schemas.records.enums import MarkKind

    known = newest.get(mark.symbol)
    return mark.kind is MarkKind.QUOTE and (known is None or (mark.ts >= known.ts and mark != known))


def _instrument(text: str) -> str:
    """Returns the symbol of an instrument, in whatever case it is named. Raises InputError if there is none."""
    from infra.settings import get_settings
    from streams.cli.account_names import known_symbol
    from streams.errors import InputError
    from streams.pipeline.reference.load_config import load_instruments

    symbol = known_symbol(text)
    if symbol not in {item.symbol for item in load_instruments(get_settings().reference_data)}:
        raise InputError(f"symbol {text}: there is no such instrument; `paper instruments list` shows them")
    return symbol


def _output(stack: ExitStack, as_json: bool) -> Callable[[dict[str, Mark], Iterable[Mark]], None]:
    """Returns what shows all quotes, or those that have changed."""
    from rich.console import Console
    from rich.live import Live

    from streams.cli.output import show, table_of

    if as_json or not sys.stdout.isatty():

        def print_changes(_: dict[str, Mark], changed: Iterable[Mark]) -> None:
            for mark in changed:
                show(json.dumps(quote_row(mark)) if as_json else quote_line(mark))

        return print_changes
    live = stack.enter_context(Live(console=Console(), auto_refresh=False))

    def update_table(newest: dict[str, Mark], _: Iterable[Mark]) -> None:
        rows = [quote_row(mark) for _, mark in sorted(newest.items())]
        live.update(table_of(rows, COLUMNS), refresh=True)

    return update_table
