"""Charts as SVG text, from numbers alone: lines, bars and marks on a line. Colours come from the page's CSS classes."""

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
"""Width of a cut in the time axis, and from which share of the time shown, and seconds, on one is made."""
SPAN_SHARE = 0.02
"""What a span between cuts takes of the axis beside its own length: a single moment is seen too."""
LABEL = 92
"""Room that the label of a time takes."""

INDENT = 30
"""What an axis of sizes keeps free at its ends."""

Point = tuple[float, float]
"""UTC seconds and a value."""
AxisText = Callable[[float, float], str]
"""Text of a value on an axis whose values lie a step apart."""


class Line(NamedTuple):
    """A curve. css: class of its colour; area: filled towards zero."""

    name: str
    css: str
    points: Sequence[Point]
    area: bool = False


class ChartMarker(NamedTuple):
    """A sign on a chart; up: a triangle that points up, else down. title: what it says when pointed at."""

    at: Point
    up: bool
    css: str
    title: str


class Bar(NamedTuple):
    """A bar with its label; text: its value as people read it."""

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


class _Clock:
    """Times to places. Where nothing was recorded for long, as overnight, the axis is cut and its parts are spans."""

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


def curves(name: str, lines: Sequence[Line], number: AxisText, marks: Sequence[ChartMarker] = ()) -> str:
    """Lines over time, with marks upon them. number: a value as the axis says it."""
    points = [point for line in lines for point in line.points] + [mark.at for mark in marks]
    if not points:
        return nothing(name)
    values = [value for _, value in points] + ([0.0] if any(line.area for line in lines) else [])
    low, high = _widened(min(values), max(values))
    x, y = _Clock([time for time, _ in points]), _Scale(low, high, HEIGHT - BOTTOM, TOP)
    body = [*_value_axis(y, number), *_time_axis(x)]
    for line in lines:
        body += _curve(line, x, y)
    body += [_sign(mark, x, y) for mark in marks]
    return _svg(name, body)


def growth(name: str, lines: Sequence[Line], number: AxisText, unit: str) -> str:
    """Lines over sizes, each many times the one before: the axis of sizes, which unit names, is logarithmic.

    Points are a size and a value; size 0 stands at 1. The axis of values starts at 0.
    """
    points = [point for line in lines for point in line.points]
    if not points:
        return nothing(name)
    sizes = sorted({size for size, _ in points})
    low, high = _power(sizes[0]), _power(sizes[-1])
    x = _Scale(low, high if high > low else low + 1, LEFT + INDENT, WIDTH - RIGHT - INDENT)
    y = _Scale(0.0, _widened(0.0, max(value for _, value in points))[1], HEIGHT - BOTTOM, TOP)
    body = list(_value_axis(y, number))
    for size in sizes:
        body.append(_text(x(_power(size)), HEIGHT - 10, f"{size:,.0f}", "middle"))
    body.append(_text(LEFT - 8, HEIGHT - 10, unit, "end"))
    for line in lines:
        places = [(x(_power(size)), y(value)) for size, value in line.points]
        path = " ".join(f"{across:.1f},{height:.1f}" for across, height in places)
        body.append(f'<polyline class="line {line.css}" points="{path}"><title>{escape(line.name)}</title></polyline>')
        body += [
            f'<circle class="dot {line.css}" cx="{across:.1f}" cy="{height:.1f}" r="3"/>' for across, height in places
        ]
        body.append(_text(places[-1][0], places[-1][1] - 8, line.name, "end", "value"))
    return _svg(name, body)


def columns(name: str, bars: Sequence[Bar], number: AxisText, css: str = "") -> str:
    """Upright bars around zero, from left to right. css: class of all, else gain and loss."""
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
    """Lying bars, one below the other, each with label and value."""
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
    """Places of the times before which the axis is cut: gaps that are long against all the time that is left."""
    cuts: list[int] = []
    while True:
        left = times[-1] - times[0] - sum(times[place] - times[place - 1] for place in cuts)
        longest = max(left * GAP_SHARE, GAP_MIN_S)
        found = [place for place in range(1, len(times)) if times[place] - times[place - 1] > longest]
        if found == cuts:
            return cuts
        cuts = found


def nothing(name: str) -> str:
    """A chart without data says so."""
    return f'<p class="none" data-chart="{escape(name)}">nothing recorded</p>'


def _curve(line: Line, x: _Clock, y: _Scale) -> Iterator[str]:
    path = " ".join(f"{x(time):.1f},{y(value):.1f}" for time, value in line.points)
    if line.area and line.points:
        foot = f"{x(line.points[-1][0]):.1f},{y(0.0):.1f} {x(line.points[0][0]):.1f},{y(0.0):.1f}"
        yield f'<polygon class="area {line.css}" points="{path} {foot}"/>'
    yield f'<polyline class="line {line.css}" points="{path}"><title>{escape(line.name)}</title></polyline>'


def _sign(mark: ChartMarker, x: _Clock, y: _Scale) -> str:
    across, height = x(mark.at[0]), y(mark.at[1])
    foot = height + 5 if mark.up else height - 5
    tip = height - 4 if mark.up else height + 4
    points = f"{across - 4.5:.1f},{foot:.1f} {across + 4.5:.1f},{foot:.1f} {across:.1f},{tip:.1f}"
    return f'<polygon class="mark {mark.css}" points="{points}"><title>{escape(mark.title)}</title></polygon>'


def _value_axis(y: _Scale, number: AxisText) -> Iterator[str]:
    step, values = ticks(y.low, y.high)
    for value in values:
        height = y(value)
        css = "zero" if value == 0 else "grid"
        yield f'<line class="{css}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
        yield _text(LEFT - 8, height + 4, number(value, step), "end")


def _time_axis(x: _Clock) -> Iterator[str]:
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
        if span.start >= free and span.start + LABEL <= WIDTH + RIGHT:
            yield _text(span.start, HEIGHT - 10, f"{datetime.fromtimestamp(span.low, UTC):%y-%m-%d %H:%M}", "start")
            free = span.start + LABEL


def _time_form(seconds: float) -> str:
    if seconds < 1.5 * DAY_S:
        return "%H:%M:%S" if seconds < 1_800 else "%H:%M"
    return "%m-%d %H:%M" if seconds < 6 * DAY_S else "%y-%m-%d"


def ticks(low: float, high: float) -> tuple[float, list[float]]:
    """A round step and its multiples between bounds, TICKS at most (Heckbert 1990, Nice Numbers for Graph Labels)."""
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return step, [count * step for count in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _power(size: float) -> float:
    return log10(max(size, 1.0))


def _widened(low: float, high: float) -> tuple[float, float]:
    """Bounds with some air; a flat line lies in the middle."""
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
