"""The report's page in a real browser, with hostile records."""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from streams.core.reference.declarations import MockConfig
from streams.evidence.cut import Cut
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.mock_notice import DRAWN
from streams.evidence.sessions import report_tables, svg_charts
from streams.evidence.sessions.find_session import find_session
from streams.evidence.sessions.report_page import report_page
from streams.evidence.sessions.session_report import SessionReport, read_report
from streams.evidence.sessions.svg_charts import Bar, ChartMarker, Line
from streams.evidence.sessions.terminal_report import print_report
from tests.evidence.reconcile.session import Session, traded_session
from tests.evidence.sessions.browser import open_page
from tests.evidence.sessions.dom import Shapes, shapes
from tests.evidence.sessions.stories import three_days

HOSTILE = '</title><script>document.title="owned"</script><img src="http://127.0.0.1:9/x">'
START = datetime(2024, 1, 2, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def traded() -> Session:
    """Returns a session whose name is an attack."""
    return three_days(HOSTILE)


@pytest.fixture
def report(traded: Session, landed: Callable[[Session], str], client: Client) -> SessionReport:
    run_id = landed(traded)
    return read_report(client, Cut(run_id, {}), find_session(client, run_id, HOSTILE), Conventions())


def test_a_browser_shows_every_chart_and_asks_for_nothing(report: SessionReport, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(report_page(report), encoding="utf-8")
    opened = open_page(file, tmp_path)
    assert (opened.requests, opened.console) == ([], [])
    found: dict[str, Shapes] = shapes(opened.dom)
    assert found["equity"].lines == 1
    assert found["drawdown"].lines == 1
    assert found["exposure"].lines == 2
    assert found["returns by day"].bars == 4
    assert found["fills of ABC"].marks == 6
    assert found["fills of XYZ"].marks == 3
    assert found["slippage"].bars >= 1
    assert found["costs"].bars == 4, "commissions and slippage of two instruments"
    assert found["metrics"].rows == len(report.metrics)
    assert found["returns by day table"].rows == 4
    assert found["open positions"].rows == 1
    assert found["rejected orders"].rows == 1
    assert found["title"].text == f"Paper session {HOSTILE}"
    assert found["script"].count == found["img"].count == 0
    assert report.fill_count == 9


@pytest.mark.parametrize("mock_trading", [True, False])
def test_a_report_says_in_one_line_that_fills_are_mock(
    mock_trading: bool, landed: Callable[[Session], str], client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = landed(three_days("s", mock_trading=mock_trading, mock=MockConfig(failure_rate=Decimal(0))))
    report = read_report(client, Cut(run_id, {}), find_session(client, run_id, "s"), Conventions())
    print_report(report)
    line = f"9 of 9 fills are mock: {DRAWN}"
    assert (line in report_page(report)) == (line in capsys.readouterr().out) == mock_trading


def test_metrics_are_in_their_units_and_say_what_they_lack(report: SessionReport) -> None:
    shown = {name.text: (value.text, unit.text) for name, value, unit in report_tables.metrics(report).rows}
    assert shown["total_return"][0].endswith(" %")
    for name in ("profit_factor", "payoff", "expectancy_ratio"):
        assert not shown[name][0].endswith("%"), "a multiple is no share"
    assert shown["sharpe"] == ("–", "4 of 30 daily returns")  # noqa: RUF001
    assert shown["calmar"][1].endswith(" of 365 calendar days")


def test_a_session_that_was_opened_again_is_told_in_one_way(landed: Callable[[Session], str], client: Client) -> None:
    """List, tiles, tables and charts count all openings, and a deposit is no profit."""
    run_id = landed(traded_session())
    row = find_session(client, run_id, "session-1", "C")
    found = read_report(client, Cut(run_id, {}), row, Conventions())
    metrics = {item.name: item.value for item in found.metrics}
    assert metrics["net_pnl"] == metrics["realised_pnl"] == sum(day["day_pnl"] for day in found.days) < 0
    assert (row["net_pnl"], row["return"]) == (metrics["net_pnl"], pytest.approx(metrics["total_return"]))
    assert row["fills"] == metrics["fills"] == found.fill_count == len(found.fills) == 4
    assert metrics["net_cash_flow"] == row["equity"] - 5_000 - row["net_pnl"] > 0
    assert {point["cash"] for point in found.equity} >= {Decimal(5_000), Decimal(7_000), row["equity"]}
    lowest = min(point["drawdown_ratio"] for point in found.equity)
    assert lowest == pytest.approx(metrics["max_drawdown_intraday"])
    assert metrics["max_drawdown"] == pytest.approx(found.equity[-1]["drawdown_ratio"]) == pytest.approx(row["return"])


def test_the_browser_would_tell(tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    file.write_text("<img src='http://127.0.0.1:9/x'><script>missing()</script>")
    opened = open_page(file, tmp_path)
    assert opened.requests == ["http://127.0.0.1:9/x"]
    assert any("missing is not defined" in line for line in opened.console)


def test_points_are_where_the_numbers_are() -> None:
    """Value 0 lies on the zero line, the last time at the right edge, and a sale points down."""
    svg = svg_charts.curves(
        "c",
        [Line("l", "one", [(0.0, 0.0), (100.0, 50.0), (200.0, 100.0)], area=True)],
        lambda value, step: f"{value:g}",
        [ChartMarker((100.0, 50.0), False, "sell", "a & b")],
    )
    drawn = Xml.fromstring(svg)
    line = drawn.find("polyline")
    assert line is not None
    points = [tuple(map(float, item.split(","))) for item in line.attrib["points"].split()]
    assert [x for x, _ in points] == [
        svg_charts.LEFT,
        (svg_charts.LEFT + svg_charts.WIDTH - svg_charts.RIGHT) / 2,
        svg_charts.WIDTH - svg_charts.RIGHT,
    ]
    zero = drawn.find("line[@class='zero']")
    assert zero is not None
    assert points[0][1] == float(zero.attrib["y1"])
    assert points[0][1] - points[1][1] == pytest.approx(points[1][1] - points[2][1], abs=0.11)
    mark = drawn.find("polygon[@class='mark sell']")
    assert mark is not None
    heights = [float(item.split(",")[1]) for item in mark.attrib["points"].split()]
    assert heights[2] > heights[0], "the tip is below"


def test_bars_stand_on_zero_and_gaps_are_cut() -> None:
    svg = Xml.fromstring(
        svg_charts.columns("c", [Bar("a", 2.0, "2"), Bar("b", -1.0, "-1")], lambda value, step: f"{value:g}")
    )
    gain, loss = svg.findall("rect")
    assert float(gain.attrib["y"]) + float(gain.attrib["height"]) == pytest.approx(float(loss.attrib["y"]), abs=0.11)
    assert float(gain.attrib["height"]) == pytest.approx(2 * float(loss.attrib["height"]), abs=0.3)
    assert (gain.attrib["class"], loss.attrib["class"]) == ("bar gain", "bar loss")
    days = [(day * 86_400.0 + minute * 60, 1.0) for day in range(3) for minute in range(390)]
    overnight = Xml.fromstring(svg_charts.curves("c", [Line("l", "one", days)], lambda value, step: "1"))
    assert len(overnight.findall("line[@class='cut']")) == 2
    moments = [(day * 86_400.0, 1.0) for day in range(3)]
    line = Xml.fromstring(svg_charts.curves("c", [Line("l", "one", moments)], lambda value, step: "1")).find("polyline")
    assert line is not None
    places = [float(point.split(",")[0]) for point in line.attrib["points"].split()]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.11)
    assert places[1] - places[0] > svg_charts.WIDTH / 4, "moments apart are spread"


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2e-6, 1.1e-6), (14_315_500.0, 14_316_001.0), (99.0, 101.5)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    step, values = svg_charts.ticks(low, high)
    assert 2 <= len(values) <= svg_charts.TICKS + 1
    assert all(low - step * 1e-6 <= value <= high + step * 1e-6 for value in values)
    assert f"{step:.0e}"[0] in "125"


def test_a_session_without_fills_has_a_page(report: SessionReport) -> None:
    """Charts without data say so."""
    empty: dict[str, Any] = {name: [] for name in ("equity", "fills", "marks", "days", "costs", "rejects", "positions")}
    empty |= {"total_costs": {}, "metrics": [], "mock": None}
    bare = SessionReport(report.cut, report.session, report.conventions, **empty)
    assert report_page(bare).count("nothing recorded") == 6


def test_numbers_as_people_read_them() -> None:
    from streams.evidence.sessions import number_format

    assert number_format.amount(Decimal("1234567.891")) == "1,234,567.89"
    assert [number_format.percent(value) for value in (0.5, -0.000031, 0, None)] == [
        "50.000 %",
        "-0.0031 %",
        "0.000 %",
        "–",  # noqa: RUF001 - the dash of number_format
    ]
    assert number_format.metric(None, "ratio") == number_format.NONE
    assert number_format.axis_number(0.25, 0.05) == "0.25"
    assert number_format.moment(START + timedelta(seconds=5)) == "2024-01-02 09:00:05 UTC"
