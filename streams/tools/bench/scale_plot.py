"""Draws the curves of a scale run as one SVG file, for light and dark backgrounds."""

from streams.evidence.sessions.number_format import axis_number
from streams.evidence.sessions.svg_charts import HEIGHT, WIDTH, Line, growth
from streams.tools.bench.scale import ScaleResult

TITLE_HEIGHT, GAP_HEIGHT = 26, 18
"""Pixels."""
COLOURS = ("one", "two", "three")
STYLE = """
svg { --ink: #1b2330; --soft: #5d6878; --rule: #d5dae1; --one: #2463c9; --two: #8a63c9; --three: #14804a; }
@media (prefers-color-scheme: dark) { svg { --ink: #e8ecf2; --soft: #9aa5b5; --rule: #2c3541; --one: #6ea3f7;
  --two: #b494ee; --three: #4cc38a; } }
text { font: 12px system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: var(--soft); }
text.value { fill: var(--ink); } text.head { font-size: 15px; font-weight: 600; fill: var(--ink); }
.grid { stroke: var(--rule); } .zero { stroke: var(--soft); } .line { fill: none; stroke-width: 1.8; }
.line.one { stroke: var(--one); } .line.two { stroke: var(--two); } .line.three { stroke: var(--three); }
.dot.one { fill: var(--one); } .dot.two { fill: var(--two); } .dot.three { fill: var(--three); }
"""


def scale_svg(scale: ScaleResult) -> str:
    """Returns two charts: orders a second by partitions and workers, and an order's cost by what grows."""
    throughput = _lines([(f"workers: {item.workers}", item.partitions, item.orders_per_s) for item in scale.throughput])
    costs = _lines([(item.what, item.number, item.us_per_order) for item in scale.costs])
    charts = [
        ("Orders a second, end to end", growth("throughput", throughput, axis_number, "partitions")),
        ("Microseconds an order, in memory", growth("cost", costs, axis_number, "how many")),
    ]
    chart_height = TITLE_HEIGHT + HEIGHT + GAP_HEIGHT
    body = "".join(
        f'<text class="head" x="0" y="{number * chart_height + 18}">{title}</text>\n'
        f'<svg y="{number * chart_height + TITLE_HEIGHT}" width="{WIDTH}" height="{HEIGHT}">{chart}</svg>\n'
        for number, (title, chart) in enumerate(charts)
    )
    height = len(charts) * chart_height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<style>{STYLE}</style>\n{body}</svg>\n"
    )


def _lines(points: list[tuple[str, float, float]]) -> list[Line]:
    """Returns a line for each name; points are (name, x, y)."""
    names = dict.fromkeys(name for name, _, _ in points)
    return [
        Line(name, COLOURS[number], [(x, y) for point_name, x, y in points if point_name == name])
        for number, name in enumerate(names)
    ]
