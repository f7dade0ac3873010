"""Counts the shapes of each chart and the rows of each table of a page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from html.parser import HTMLParser


@dataclass
class Shapes:
    """The counts of one chart, table or element name."""

    lines: int = 0
    marks: int = 0
    bars: int = 0
    rows: int = 0
    count: int = 0
    text: str = ""


class _Counter(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Shapes] = defaultdict(Shapes)
        self._chart = self._table = ""
        self._in_body = self._in_title = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        css = named.get("class", "")
        self.found[tag].count += 1
        self._in_title = tag == "title" and not self._chart
        if tag == "svg":
            self._chart = named["data-chart"]
        elif tag == "table":
            self._table = named["data-table"]
        elif tag == "tbody":
            self._in_body = True
        elif tag == "tr" and self._in_body:
            self.found[
                self._table + (" table" if self.found[self._table].lines or self.found[self._table].bars else "")
            ].rows += 1
        chart = self.found[self._chart] if self._chart else Shapes()
        chart.lines += tag == "polyline"
        chart.marks += tag == "polygon" and css.startswith("mark")
        chart.bars += tag == "rect" and css.startswith("bar")

    def handle_endtag(self, tag: str) -> None:
        if tag == "svg":
            self._chart = ""
        self._in_body = self._in_body and tag != "tbody"
        self._in_title = self._in_title and tag != "title"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.found["title"].text += data


def shapes(dom: str) -> dict[str, Shapes]:
    """Returns counts by the name of the chart or table. A table with a chart's name is under `NAME table`."""
    counter = _Counter()
    counter.feed(dom)
    return counter.found
