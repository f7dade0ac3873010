"""Draws the charts of a session's report."""

from collections.abc import Iterator
from datetime import datetime
from math import ceil, floor
from typing import Any

from streams.evidence.sessions import svg_charts
from streams.evidence.sessions.number_format import amount, axis_number, axis_percent, percent, price
from streams.evidence.sessions.session_report import SessionReport
from streams.evidence.sessions.svg_charts import Bar, ChartMarker, Line

Row = dict[str, Any]
BINS = 24


def equity(report: SessionReport) -> str:
    """Draws the equity over market time."""
    return svg_charts.curves("equity", [_line(report, "equity", "equity", "one")], axis_number)


def drawdown(report: SessionReport) -> str:
    """Draws the equity against its peak so far."""
    return svg_charts.curves("drawdown", [_line(report, "drawdown", "drawdown_ratio", "bad", area=True)], axis_percent)


def exposure(report: SessionReport) -> str:
    """Draws the gross and net value of the positions."""
    return svg_charts.curves(
        "exposure",
        [_line(report, "gross", "gross_exposure", "two", area=True), _line(report, "net", "net_exposure", "one")],
        axis_number,
    )


def returns(report: SessionReport) -> str:
    """Draws the return of each day."""
    bars = [
        Bar(row["part"], row["daily_return"], percent(row["daily_return"]))
        for row in report.days
        if row["daily_return"] is not None
    ]
    return svg_charts.columns("returns by day", bars, axis_percent)


def fills_on_price(report: SessionReport, symbol: str) -> str:
    """Draws the middle of the market and each fill at its price."""
    points = [(_seconds(row["time"]), float(row["mid"])) for row in report.marks if row["symbol"] == symbol]
    markers = [_fill_marker(row) for row in report.fills if row["symbol"] == symbol]
    return svg_charts.curves(f"fills of {symbol}", [Line(f"middle of {symbol}", "quiet", points)], axis_number, markers)


def slippage(report: SessionReport) -> str:
    """Draws the number of fills by their slippage against the middle, in basis points."""
    return svg_charts.columns("slippage", list(_histogram(report.fills)), axis_number, "one")


def costs(report: SessionReport) -> str:
    """Draws the costs of trading by kind and instrument; positive is a cost."""
    currency = report.session["currency"]
    bars = []
    for row in report.costs:
        for name, column in (("commissions", "fees"), ("slippage against middle", "slippage_mid")):
            if row[column] is not None:
                bars.append(Bar(f"{row['part']} {name}", float(row[column]), f"{amount(row[column])} {currency}"))
    return svg_charts.rows("costs", bars)


def _line(report: SessionReport, name: str, column: str, css: str, area: bool = False) -> Line:
    points = [(_seconds(row["time"]), float(row[column])) for row in report.equity if row[column] is not None]
    return Line(name, css, points, area)


def _fill_marker(row: Row) -> ChartMarker:
    buys = row["side"] == "BUY"
    title = f"{row['side']} {price(row['quantity'])} @ {price(row['price'])}, {row['time']:%Y-%m-%d %H:%M:%S}"
    return ChartMarker((_seconds(row["time"]), float(row["price"])), buys, "buy" if buys else "sell", title)


def _histogram(fills: list[Row]) -> Iterator[Bar]:
    known = [row["slippage_mid_bps"] for row in fills if row["slippage_mid_bps"] is not None]
    if not known:
        return
    low, high = min(known), max(known)
    step = next(step for step in _steps() if (high - low) / step <= BINS - 2)
    first = floor(low / step + 1e-9)
    counts = [0] * (max(ceil(high / step - 1e-9), first + 1) - first)
    for value in known:
        counts[min(floor(value / step + 1e-9) - first, len(counts) - 1)] += 1
    for place, count in enumerate(counts):
        start = (first + place) * step
        yield Bar(f"{start:g} bp", count, f"{count} fills up to {start + step:g} bp")


def _steps() -> Iterator[float]:
    power = 0.01
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _seconds(time: datetime) -> float:
    return time.timestamp()
