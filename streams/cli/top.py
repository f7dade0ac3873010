"""`paper top`: shows the desk in the terminal while it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from streams.cli.desk_rows import DeskRows


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command()(top)


def top() -> None:
    """Shows the desk in the terminal, live: accounts, positions, working orders and the newest fills.

    accounts has equity, the profit of the market's UTC day, drawdown and the breakers that are not closed. q ends it.
    """
    import sys

    from infra.build.extras import TOP, bring
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.desk_rows import desk_rows
    from streams.errors import InputError
    from streams.pipeline.reference.load_config import core_config
    from streams.serve.desk_view import DeskView
    from streams.serve.position_value import PositionValues

    if not sys.stdout.isatty():
        raise InputError("top: stdout is no terminal; `paper account`, `positions` and `orders list` print lines")
    bring(TOP)
    from streams.cli.top_view import TopView

    settings = get_settings()
    view = DeskView(settings, Codec(Registry(settings)), PositionValues(core_config(settings)))
    view.start()

    def read() -> DeskRows:
        if view.failure is not None:
            raise view.failure
        return desk_rows(view)

    try:
        TopView(read).run()
    finally:
        view.stop()
