"""Writes a session's report as one HTML page, light or dark, without script or network access."""

from collections.abc import Iterator
from html import escape

from streams.evidence.sessions import report_charts, report_tables
from streams.evidence.sessions.number_format import amount, is_loss, moment, percent
from streams.evidence.sessions.page_style import STYLE
from streams.evidence.sessions.report_tables import Cell, ReportTable
from streams.evidence.sessions.session_report import SessionReport

METRIC_COLUMNS = 3


def report_page(report: SessionReport) -> str:
    """Returns the page. Every text from the records is escaped."""
    session = report.session
    name = escape(session["session_id"])
    body = report_sections(report)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Paper session {name}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def report_sections(report: SessionReport) -> str:
    """Returns what the page shows, without a page around it. Every text from the records is escaped."""
    return "\n".join(_sections(report))


def _sections(report: SessionReport) -> Iterator[str]:
    session = report.session
    yield _header(report)
    yield _card("Equity", f"{escape(session['currency'] or '')}, marked to market", report_charts.equity(report))
    yield _card("Drawdown", "linked returns against their peak", report_charts.drawdown(report))
    yield _card("Exposure", _legend(("two", "gross"), ("one", "net")), report_charts.exposure(report))
    yield _card("Returns by day", f"days of {escape(report.conventions.time_zone)}", report_charts.returns(report))
    for symbol in report.symbols:
        yield _card(
            f"Fills on price: {escape(symbol)}", _fills_legend(report), report_charts.fills_on_price(report, symbol)
        )
    yield _card(
        "Slippage", "number of fills by slippage against the middle, in basis points", report_charts.slippage(report)
    )
    yield _card("Days", "equity at the end of each day", _table(report_tables.days(report)), wide=True)
    yield _card(
        "Costs", "positive is a cost", report_charts.costs(report) + _table(report_tables.costs(report)), wide=True
    )
    yield _card("Open positions", "at the last mark", _table(report_tables.positions(report)), wide=True)
    yield _card("Rejected orders", "by reason", _table(report_tables.rejects(report)), wide=True)
    yield _card("Metrics", "`paper metrics list` defines them", _metrics(report), wide=True)


def _header(report: SessionReport) -> str:
    session = report.session
    facts = [
        ("account", session["account_id"]),
        ("strategy", session["strategy_id"] or "none"),
        ("status", session["status"]),
        ("opened", moment(session["opened_at"])),
        ("closed", moment(session["closed_at"])),
        ("instruments", session["instruments"] or "all"),
        ("run", report.cut.run_id),
        ("as of", f"cut {report.cut.name}"),
        ("evidence", report.evidence),
        ("settings", (session["settings_sha256"] or "not recorded")[:16]),
    ]
    listed = "".join(f"<div><dt>{label}</dt><dd>{escape(str(value))}</dd></div>" for label, value in facts)
    mock = f'<p class="mock">{escape(report.mock)}</p>' if report.mock else ""
    return f"<header><h1>{escape(session['session_id'])}</h1>{mock}<dl>{listed}</dl>{_tiles(report)}</header>"


def _tiles(report: SessionReport) -> str:
    session, found = report.session, {item.name: item.value for item in report.metrics}
    tiles = [
        ("Equity", amount(session["equity"]), session["equity"]),
        ("Profit and loss", amount(session["net_pnl"]), session["net_pnl"]),
        ("Return", percent(session["return"]), session["return"]),
        ("Max drawdown", percent(found.get("max_drawdown_intraday")), found.get("max_drawdown_intraday")),
        ("Fills", f"{report.fill_count:,}", None),
        ("Commissions", amount(found.get("fees")), None),
    ]
    return (
        '<div class="tiles">'
        + "".join(
            f'<div class="tile"><span>{label}</span><b{_class(is_loss(value))}>{escape(text)}</b></div>'
            for label, text, value in tiles
        )
        + "</div>"
    )


def _metrics(report: SessionReport) -> str:
    """Returns the metrics in columns side by side."""
    table = report_tables.metrics(report)
    length = len(table.rows) // METRIC_COLUMNS + 1
    parts = [table._replace(rows=table.rows[start : start + length]) for start in range(0, len(table.rows), length)]
    return f'<div class="columns">{"".join(map(_table, parts))}</div>'


def _table(table: ReportTable) -> str:
    if not table.rows:
        return '<p class="none">none</p>'
    head = "".join(f"<th>{escape(text)}</th>" for text in table.heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    return f'<table data-table="{table.name}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(cell: Cell) -> str:
    return f"<td{_class(cell.loss)}>{escape(cell.text)}</td>"


def _class(loss: bool) -> str:
    return ' class="loss"' if loss else ""


def _fills_legend(report: SessionReport) -> str:
    legend = _legend(("quiet", "middle"), ("buy", "bought"), ("sell", "sold"))
    if len(report.fills) < report.fill_count:
        legend += f" · {len(report.fills):,} of {report.fill_count:,} fills"
    return legend


def _legend(*items: tuple[str, str]) -> str:
    return "".join(f'<span class="key {css}">{text}</span>' for css, text in items)


def _card(title: str, note: str, content: str, wide: bool = False) -> str:
    css = ' class="wide"' if wide else ""
    return f"<section{css}><h2>{title}<small>{note}</small></h2>{content}</section>"
