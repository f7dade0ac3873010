"""Panels on ClickHouse: a title, a query, a unit, and a place in rows of 24 columns."""

from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import StackingMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    DynamicConfigValue,
    GridPos,
    VariableRefresh,
    VariableSort,
)

SOURCE = DataSourceRef(type_val="grafana-clickhouse-datasource", uid="clickhouse")
COLUMNS = 24
TIME_SERIES, TABLE = 0, 1
"""Formats of the data source's queries."""


class ClickHouseQuery(Dataquery):
    """A query of the ClickHouse data source in its SQL editor; it is its own builder."""

    def __init__(self, sql: str, as_table: bool) -> None:
        self._sql = sql
        self._as_table = as_table

    def to_json(self) -> dict[str, object]:
        """The plugin's model of a query, version 4."""
        return {
            "refId": "A",
            "datasource": SOURCE,
            "editorType": "sql",
            "queryType": "table" if self._as_table else "timeseries",
            "format": TABLE if self._as_table else TIME_SERIES,
            "rawSql": self._sql,
        }


class _Query(Builder[Dataquery]):
    def __init__(self, sql: str, as_table: bool) -> None:
        self._query = ClickHouseQuery(sql, as_table)

    def build(self) -> Dataquery:
        return self._query


class Place(NamedTuple):
    """Width and height of a panel on the grid."""

    width: int
    height: int


TILE, HALF, WHOLE = Place(4, 4), Place(12, 9), Place(24, 9)
Panel = tuple[Place, Any]
"""Where, and the SDK's builder."""


def tile(title: str, sql: str, unit: str = "none", decimals: int | None = None) -> Panel:
    """One number."""
    panel = stat.Panel().title(title).datasource(SOURCE).with_target(_Query(sql, as_table=True)).unit(unit)
    return TILE, panel if decimals is None else panel.decimals(decimals)


def curve(title: str, sql: str, unit: str = "none", place: Place = HALF, stacked: bool = False) -> Panel:
    """Values over time; a column of text tells the curves apart."""
    panel = timeseries.Panel().title(title).datasource(SOURCE).with_target(_Query(sql, as_table=False)).unit(unit)
    panel = panel.show_points(VisibilityMode.NEVER).fill_opacity(10)
    if stacked:
        from grafana_foundation_sdk.builders.common import StackingConfig

        panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL))
    return place, panel


def grid(title: str, sql: str, place: Place = HALF, units: dict[str, str] | None = None) -> Panel:
    """Rows. units: by column."""
    panel = table.Panel().title(title).datasource(SOURCE).with_target(_Query(sql, as_table=True))
    for column, unit in (units or {}).items():
        panel = panel.override_by_name(column, [DynamicConfigValue("unit", unit)])
    return place, panel


def link_to_session(panel: Panel) -> Panel:
    """Rows with run, account and session lead to the session's dashboard."""
    url = (
        "/d/paper-session?var-run_id=${run_id}&var-account=${__data.fields.account_id}"
        "&var-session=${__data.fields.session_id}&from=${__data.fields.from_ms}&to=${__data.fields.to_ms}"
    )
    links = [{"title": "session", "url": url}]
    return panel[0], panel[1].override_by_name("session_id", [DynamicConfigValue("links", links)])


def variable(name: str, label: str, sql: str) -> dashboard.QueryVariable:
    """A choice whose values a query gives."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"rawSql": sql, "queryType": "table", "format": TABLE, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_DESC)
    )


def board(uid: str, title: str, variables: list[dashboard.QueryVariable], panels: list[Panel]) -> dashboard.Dashboard:
    """A dashboard with its panels laid out from left to right, row after row."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(["paper trading"])
        .timezone("utc")
        .time("now-24h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for item in variables:
        made = made.with_variable(item)
    left = top = height = 0
    for number, (place, panel) in enumerate(panels, 1):
        if left + place.width > COLUMNS:
            left, top, height = 0, top + height, 0
        made = made.with_panel(panel.id(number).grid_pos(GridPos(place.height, place.width, left, top)))
        left, height = left + place.width, max(height, place.height)
    return made
