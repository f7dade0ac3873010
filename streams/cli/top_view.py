"""The desk as a terminal view, drawn by Textual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import DataTable, Footer, Header, Label

from infra.harmless_text import harmless
from streams.cli.cell_text import cell, is_number
from streams.cli.desk_rows import ACCOUNT_COLUMNS, FILL_COLUMNS, ORDER_COLUMNS, POSITION_COLUMNS, DeskRows, Row

REFRESH_S = 0.5
PARTS = {"accounts": ACCOUNT_COLUMNS, "positions": POSITION_COLUMNS, "orders": ORDER_COLUMNS, "tape": FILL_COLUMNS}
"""The tables and their columns, from top to bottom."""
MADE_OF_SIGNS = frozenset({"day_pnl", "unrealised_pnl"})
"""Columns that are green above zero and red below."""


class TopView(App[None]):
    """The desk, drawn again every REFRESH_S."""

    TITLE = "paper top"
    CSS = "DataTable { height: auto; } Vertical { height: auto; } Label { text-style: bold; padding: 1 0 0 1; }"
    BINDINGS: ClassVar = [("q", "quit", "Quit"), ("ctrl+c", "quit", "Quit")]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, read: Callable[[], DeskRows]) -> None:
        """read: returns the present rows; what it raises ends the view."""
        super().__init__()
        self._read = read
        self._shown: dict[str, list[Row]] = {}

    def compose(self) -> ComposeResult:
        """Yields the parts from top to bottom."""
        yield Header(show_clock=False)
        with VerticalScroll():
            for name, columns in PARTS.items():
                with Vertical():
                    yield Label(name)
                    table: DataTable[Text] = DataTable(id=name, cursor_type="none", zebra_stripes=True)
                    table.add_columns(*columns)
                    yield table
        yield Footer()

    def on_mount(self) -> None:
        """Draws the desk at once, and from then on at intervals."""
        self.draw()
        self.set_interval(REFRESH_S, self.draw)

    def draw(self) -> None:
        """Reads the desk and draws the tables that have changed."""
        for name, rows in self._read()._asdict().items():
            if self._shown.get(name) != rows:
                self._shown[name] = rows
                table: DataTable[Text] = self.query_one(f"#{name}", DataTable)
                place = table.scroll_y
                table.clear()
                for row in rows:
                    table.add_row(*_cells(row, PARTS[name]))
                table.scroll_y = place


def _cells(row: Row, columns: Sequence[str]) -> list[Text]:
    return [_cell(name, row.get(name)) for name in columns]


def _cell(name: str, value: object) -> Text:
    text = harmless(cell(name, value))
    colour = "" if name not in MADE_OF_SIGNS or text in ("", "0.00") else "red" if text.startswith("-") else "green"
    return Text(text, style=colour, justify="right" if is_number(name, value) else "left")
