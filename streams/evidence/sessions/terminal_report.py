"""Prints a session's report on the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from infra.harmless_text import harmless
from streams.evidence.sessions.number_format import amount, moment, percent
from streams.evidence.sessions.report_tables import ReportTable, all_tables
from streams.evidence.sessions.session_report import SessionReport

PIPED_WIDTH = 140
BLOCKS = "▁▂▃▄▅▆▇█"
SPARKS = 100


def print_report(report: SessionReport) -> None:
    """Prints facts, the equity as a line of blocks, and all tables."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    session = report.session
    facts = (
        f"session {session['session_id']}  {session['status']}",
        f"account {session['account_id']}, strategy {session['strategy_id'] or 'none'}, "
        f"{moment(session['opened_at'])} to {moment(session['closed_at'] or session['valued_at'])}",
        f"equity {amount(session['equity'])} {session['currency']}, profit and loss {amount(session['net_pnl'])}, "
        f"return {percent(session['return'])}, {report.fill_count:,} fills",
        f"evidence: {report.evidence}",
    )
    for number, fact in enumerate(facts):
        console.print(Text(harmless(fact), style="bold" if number == 0 else ""))
    console.print(Text(harmless(report.cut.line)))
    if report.mock:
        console.print(report.mock)
    console.print(sparkline([float(row["equity"]) for row in report.equity]))
    for table in all_tables(report):
        _print(console, table)


def sparkline(values: list[float]) -> str:
    """Returns values as blocks of eight heights, at most SPARKS of them."""
    if not values:
        return ""
    step = max(len(values) // SPARKS, 1)
    chosen = values[::step]
    low, high = min(chosen), max(chosen)
    return "".join(BLOCKS[int((value - low) / ((high - low) or 1) * (len(BLOCKS) - 1))] for value in chosen)


def _print(console: Console, table: ReportTable) -> None:
    if not table.rows:
        return
    shown = Grid(box=SIMPLE_HEAD, title=table.name, title_justify="left", title_style="bold")
    for place, head in enumerate(table.heads):
        shown.add_column(head, justify="left" if place == 0 or head == "unit" else "right")
    for row in table.rows:
        shown.add_row(*(Text(harmless(cell.text), style="red" if cell.loss else "") for cell in row))
    console.print(shown)
