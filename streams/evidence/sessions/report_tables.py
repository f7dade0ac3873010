"""The tables of a session's report, on the terminal and on the page."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from streams.evidence.metrics.metric_catalog import METRIC_BY_NAME
from streams.evidence.sessions.number_format import amount, is_loss, metric, percent, price, shown_unit
from streams.evidence.sessions.session_report import SessionReport


class Cell(NamedTuple):
    """A text of a table. loss: it is a number below zero, shown as a loss."""

    text: str
    loss: bool = False


class ReportTable(NamedTuple):
    """Rows under their heads. The first column and a column named unit are text, the others numbers."""

    name: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


def days(report: SessionReport) -> ReportTable:
    """Returns the table of days with their equity and return."""
    rows = [
        (
            Cell(row["part"]),
            Cell(amount(row["day_start_equity"])),
            Cell(amount(row["day_end_equity"])),
            Cell(amount(row["day_cash_flow"])),
            Cell(amount(row["day_pnl"]), is_loss(row["day_pnl"])),
            Cell(percent(row["daily_return"]), is_loss(row["daily_return"])),
            Cell(percent(row["drawdown"])),
        )
        for row in report.days
    ]
    heads = ("day", "start", "end", "cash flow", "profit and loss", "return", "drawdown")
    return ReportTable("returns by day", heads, rows)


def costs(report: SessionReport) -> ReportTable:
    """Returns the table of trading costs by instrument and in total."""
    slips = ("slippage, middle", "bp", "slippage, arrival", "bp")
    heads = ("instrument", "fills", "traded", "commissions", "bp", *slips, "funding", "dividends")
    slippage = ("slippage_mid", "slippage_mid_bps", "slippage_arrival", "slippage_arrival_bps")
    found = [*report.costs, *([report.total_costs | {"part": "all"}] if report.total_costs else [])]
    rows = [
        (
            Cell(row["part"]),
            Cell(f"{row['fills']:,}"),
            *(Cell(amount(row[column])) for column in ("traded_value", "fees", "fees_bps", *slippage)),
            *(Cell(amount(row[column]), is_loss(row[column])) for column in ("funding", "dividends")),
        )
        for row in found
    ]
    return ReportTable("costs", heads, rows)


def positions(report: SessionReport) -> ReportTable:
    """Returns the table of open positions at the last mark."""
    heads = ("instrument", "quantity", "average price", "mark", "age of mark", "value", "unrealised")
    rows = [
        (
            Cell(row["symbol"]),
            *(Cell(price(row[column])) for column in ("quantity", "average_price", "mark")),
            Cell(_seconds(row["mark_age_seconds"])),
            Cell(amount(row["position_value"])),
            Cell(amount(row["unrealised_pnl"]), is_loss(row["unrealised_pnl"])),
        )
        for row in report.positions
    ]
    return ReportTable("open positions", heads, rows)


def rejects(report: SessionReport) -> ReportTable:
    """Returns the table of rejected orders by reason."""
    rows = [
        (Cell(row["part"]), Cell(f"{row['rejects_of_reason']:,}"), Cell(percent(row["reject_rate_of_reason"])))
        for row in report.rejects
    ]
    return ReportTable("rejected orders", ("reason", "orders", "share"), rows)


def metrics(report: SessionReport) -> ReportTable:
    """Returns the table of every metric of the catalog. Beside an undefined one stands what it lacks."""
    rows = []
    for item in report.metrics:
        unit = METRIC_BY_NAME[item.name].unit
        shown = item.why_null or shown_unit(unit, item.currency)
        rows.append((Cell(item.name), Cell(metric(item.value, unit), is_loss(item.value)), Cell(shown)))
    return ReportTable("metrics", ("metric", "value", "unit"), rows)


def all_tables(report: SessionReport) -> Iterator[ReportTable]:
    """Yields all tables in the order of a report."""
    yield from (days(report), costs(report), positions(report), rejects(report), metrics(report))


def _seconds(value: Any) -> str:
    return amount(value, 1) if value is None else f"{value:,.1f} s"
