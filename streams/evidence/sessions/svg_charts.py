"""Draws charts as SVG text: lines, bars, and markers on a line. Colours come from the page's CSS classes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 78, 14, 12, 30
TICKS = 5
DAY_S = 86_400.0
GAP, GAP_SHARE, GAP_MIN_S = 16, 0.04, 1_800.0
"""Width of a gap in the time axis; the share of the time shown, and the seconds, from which a pause becomes a gap."""
SPAN_SHARE = 0.02
"""Share of the axis that a span between gaps gets beside its length, so that a single moment is visible."""
LABEL_WIDTH = 92
"""Width of the label of a time."""

INDENT = 30
"""Free space at both ends of an axis of sizes."""

Point = tuple[float, float]
"""UTC seconds and a value."""
AxisText = Callable[[float, float], str]
"""Formats a value on an axis: the value, and the step between two values."""


class Line(NamedTuple):
    """A line of a chart. css: class of its colour; area: fill the area between line and zero."""

    name: str
    css: str
    points: Sequence[Point]
    area: bool = False


class ChartMarker(NamedTuple):
    """A triangle on a chart. at: its point; up: points up, else down; title: tooltip."""

    at: Point
    up: bool
    css: str
    title: str


class Bar(NamedTuple):
    """A bar with its label. text: its value as people read it."""

    label: str
    value: float
    text: str


class _Scale(NamedTuple):
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


class _TimeScale:
    """The time axis. A long pause in the records, as overnight, is cut out; the parts between pauses are spans."""

    def __init__(self, times: Sequence[float]) -> None:
        times = sorted(set(times))
        cuts = _cuts(times)
        bounds = zip([0, *cuts], [*cuts, len(times)], strict=True)
        spans = [(times[start], times[end - 1]) for start, end in bounds]
        least = sum(end - start for start, end in spans) * SPAN_SHARE or 1.0
        whole = sum(end - start + least for start, end in spans)
        room, self.spans = WIDTH - LEFT - RIGHT - GAP * len(cuts), []
        left = float(LEFT)
        for start, end in spans:
            right = left + room * (end - start + least) / whole
            self.spans.append(_Scale(start, end, left, right))
            left = right + GAP

    def __call__(self, time: float) -> float:
        span = next((span for span in self.spans if time <= span.high), self.spans[-1])
        return (span.start + span.end) / 2 if span.low == span.high else span(time)


def curves(name: str, lines: Sequence[Line], number: AxisText, markers: Sequence[ChartMarker] = ()) -> str:
    """Draws lines over time with markers on them. number: formats the values of the axis."""
    points = [point for line in lines for point in line.points] + [marker.at for marker in markers]
    if not points:
        return nothing(name)
    values = [value for _, value in points] + ([0.0] if any(line.area for line in lines) else [])
    low, high = _widened(min(values), max(values))
    x, y = _TimeScale([time for time, _ in points]), _Scale(low, high, HEIGHT - BOTTOM, TOP)
    body = [*_value_axis(y, number), *_time_axis(x)]
    for line in lines:
        body += _curve(line, x, y)
    body += [_triangle(marker, x, y) for marker in markers]
    return _svg(name, body)


def growth(name: str, lines: Sequence[Line], number: AxisText, unit: str) -> str:
    """Draws lines over sizes on a logarithmic axis. unit: names that axis; points: a size and a value each.

    Size 0 stands at 1. The axis of values starts at 0.
    """
    points = [point for line in lines for point in line.points]
    if not points:
        return nothing(name)
    sizes = sorted({size for size, _ in points})
    low, high = _log_size(sizes[0]), _log_size(sizes[-1])
    x = _Scale(low, high if high > low else low + 1, LEFT + INDENT, WIDTH - RIGHT - INDENT)
    y = _Scale(0.0, _widened(0.0, max(value for _, value in points))[1], HEIGHT - BOTTOM, TOP)
    body = list(_value_axis(y, number))
    for size in sizes:
        body.append(_text(x(_log_size(size)), HEIGHT - 10, f"{size:,.0f}", "middle"))
    body.append(_text(LEFT - 8, HEIGHT - 10, unit, "end"))
    for line in lines:
        places = [(x(_log_size(size)), y(value)) for size, value in line.points]
        path = " ".join(f"{across:.1f},{height:.1f}" for across, height in places)
        body.append(f'<polyline class="line {line.css}" points="{path}"><title>{escape(line.name)}</title></polyline>')
        body += [
            f'<circle class="dot {line.css}" cx="{across:.1f}" cy="{height:.1f}" r="3"/>' for across, height in places
        ]
        body.append(_text(places[-1][0], places[-1][1] - 8, line.name, "end", "value"))
    return _svg(name, body)


def columns(name: str, bars: Sequence[Bar], number: AxisText, css: str = "") -> str:
    """Draws vertical bars from left to right. css: class of all bars; if empty, gain or loss by the sign."""
    if not bars:
        return nothing(name)
    low, high = _widened(min(0.0, *(bar.value for bar in bars)), max(0.0, *(bar.value for bar in bars)))
    y = _Scale(low, high, HEIGHT - BOTTOM, TOP)
    step = (WIDTH - LEFT - RIGHT) / len(bars)
    body = list(_value_axis(y, number))
    labelled = ceil(len(bars) / 8)
    for place, bar in enumerate(bars):
        left, width = LEFT + step * (place + 0.15), min(step * 0.7, 60.0)
        left += (step * 0.7 - width) / 2
        top, foot = sorted((y(bar.value), y(0.0)))
        body.append(
            f'<rect class="bar {css or _sign_class(bar.value)}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{max(foot - top, 1):.1f}">{_tip(bar)}</rect>'
        )
        if place % labelled == 0:
            body.append(_text(left + width / 2, HEIGHT - 10, bar.label, "middle"))
    return _svg(name, body)


def rows(name: str, bars: Sequence[Bar]) -> str:
    """Draws horizontal bars, one below the other, each with its label and value."""
    if not bars:
        return nothing(name)
    row, label = 30, 300
    low, high = min(0.0, *(bar.value for bar in bars)), max(0.0, *(bar.value for bar in bars))
    x = _Scale(low, high if high > low else low + 1, label, WIDTH - 140)
    body = []
    for place, bar in enumerate(bars):
        middle = row * place + row / 2
        left, right = sorted((x(bar.value), x(0.0)))
        body.append(_text(label - 12, middle + 4, bar.label, "end"))
        body.append(
            f'<rect class="bar {_sign_class(-bar.value)}" x="{left:.1f}" y="{middle - 9:.1f}" '
            f'width="{max(right - left, 1):.1f}" height="18">{_tip(bar)}</rect>'
        )
        body.append(_text(max(right, x(0.0)) + 8, middle + 4, bar.text, "start", "value"))
    return _svg(name, body, row * len(bars))


def _cuts(times: Sequence[float]) -> list[int]:
    """Returns the indexes of the times after pauses that are long against the time that remains shown."""
    cuts: list[int] = []
    while True:
        left = times[-1] - times[0] - sum(times[place] - times[place - 1] for place in cuts)
        longest = max(left * GAP_SHARE, GAP_MIN_S)
        found = [place for place in range(1, len(times)) if times[place] - times[place - 1] > longest]
        if found == cuts:
            return cuts
        cuts = found


def nothing(name: str) -> str:
    """Returns the text that stands for a chart without data."""
    return f'<p class="none" data-chart="{escape(name)}">nothing recorded</p>'


def _curve(line: Line, x: _TimeScale, y: _Scale) -> Iterator[str]:
    path = " ".join(f"{x(time):.1f},{y(value):.1f}" for time, value in line.points)
    if line.area and line.points:
        foot = f"{x(line.points[-1][0]):.1f},{y(0.0):.1f} {x(line.points[0][0]):.1f},{y(0.0):.1f}"
        yield f'<polygon class="area {line.css}" points="{path} {foot}"/>'
    yield f'<polyline class="line {line.css}" points="{path}"><title>{escape(line.name)}</title></polyline>'


def _triangle(marker: ChartMarker, x: _TimeScale, y: _Scale) -> str:
    across, height = x(marker.at[0]), y(marker.at[1])
    foot = height + 5 if marker.up else height - 5
    tip = height - 4 if marker.up else height + 4
    points = f"{across - 4.5:.1f},{foot:.1f} {across + 4.5:.1f},{foot:.1f} {across:.1f},{tip:.1f}"
    return f'<polygon class="mark {marker.css}" points="{points}"><title>{escape(marker.title)}</title></polygon>'


def _value_axis(y: _Scale, number: AxisText) -> Iterator[str]:
    step, values = ticks(y.low, y.high)
    for value in values:
        height = y(value)
        css = "zero" if value == 0 else "grid"
        yield f'<line class="{css}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
        yield _text(LEFT - 8, height + 4, number(value, step), "end")


def _time_axis(x: _TimeScale) -> Iterator[str]:
    span = x.spans[0]
    if len(x.spans) == 1 and span.low < span.high:
        form = _time_form(span.high - span.low)
        for place in range(TICKS + 1):
            anchor = "start" if place == 0 else "end" if place == TICKS else "middle"
            time = span.low + (span.high - span.low) * place / TICKS
            yield _text(x(time), HEIGHT - 10, f"{datetime.fromtimestamp(time, UTC):{form}}", anchor)
        return
    free = 0.0
    for number, span in enumerate(x.spans):
        if number:
            cut = span.start - GAP / 2
            yield f'<line class="cut" x1="{cut:.1f}" x2="{cut:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        if span.start >= free and span.start + LABEL_WIDTH <= WIDTH + RIGHT:
            yield _text(span.start, HEIGHT - 10, f"{datetime.fromtimestamp(span.low, UTC):%y-%m-%d %H:%M}", "start")
            free = span.start + LABEL_WIDTH


def _time_form(seconds: float) -> str:
    if seconds < 1.5 * DAY_S:
        return "%H:%M:%S" if seconds < 1_800 else "%H:%M"
    return "%m-%d %H:%M" if seconds < 6 * DAY_S else "%y-%m-%d"


def ticks(low: float, high: float) -> tuple[float, list[float]]:
    """Returns a round step and its multiples between bounds, TICKS at most.

    Source: Heckbert 1990, Nice Numbers for Graph Labels.
    """
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return step, [count * step for count in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _log_size(size: float) -> float:
    return log10(max(size, 1.0))


def _widened(low: float, high: float) -> tuple[float, float]:
    """Returns bounds with a margin, so that a flat line lies in the middle."""
    air = (high - low) * 0.04 or abs(high) * 0.001 or 1.0
    return (low if low == 0 else low - air), (high if high == 0 and low < 0 else high + air)


def _tip(bar: Bar) -> str:
    return f"<title>{escape(bar.label)}: {escape(bar.text)}</title>"


def _sign_class(value: float) -> str:
    return "loss" if value < 0 else "gain"


def _text(x: float, y: float, text: str, anchor: str, css: str = "tick") -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(name: str, body: Sequence[str], height: int = HEIGHT) -> str:
    return (
        f'<svg data-chart="{escape(name)}" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(name)}">'
        + "".join(body)
        + "</svg>"
    )
