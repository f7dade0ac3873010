"""Panels of the dashboards: stats, time series and tables over ClickHouse, laid out in rows of 24 columns.

Each query of a dashboard runs once. The first panel that shows it sends it; the others read that panel's rows through
Grafana's Dashboard data source ("Share query results with another panel") and choose their fields of them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, StackingConfig
from grafana_foundation_sdk.builders.datasource import Dataquery as SharedQuery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import BigValueGraphMode, StackingMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    GridPos,
    VariableRefresh,
    VariableSort,
)

CLICKHOUSE = DataSourceRef(type_val="grafana-clickhouse-datasource", uid="clickhouse")
OTHER_PANEL = DataSourceRef(type_val="datasource", uid="-- Dashboard --")
"""Grafana's data source for the results of another panel of the dashboard."""
COLUMNS = 24
TIME_SERIES, TABLE = 0, 1
"""Formats of the ClickHouse data source's queries."""


class ClickHouseQuery(Dataquery):
    """A query of the ClickHouse data source, written in its SQL editor."""

    def __init__(self, sql: str, query_format: int) -> None:
        self._sql = sql
        self._format = query_format

    def to_json(self) -> dict[str, object]:
        """Returns the plugin's model of a query, version 4."""
        return {
            "refId": "A",
            "datasource": CLICKHOUSE,
            "editorType": "sql",
            "queryType": "table" if self._format == TABLE else "timeseries",
            "format": self._format,
            "rawSql": self._sql,
        }


class _ClickHouseQueryBuilder(Builder[Dataquery]):
    def __init__(self, sql: str, query_format: int) -> None:
        self._query = ClickHouseQuery(sql, query_format)

    def build(self) -> Dataquery:
        return self._query


class PanelSize(NamedTuple):
    """Width and height of a panel in units of the grid."""

    width: int
    height: int


STAT, HALF, WHOLE = PanelSize(4, 4), PanelSize(12, 9), PanelSize(24, 9)


class Panel(NamedTuple):
    """A panel with the query whose rows it shows. builder: the SDK's builder of the panel, without a query."""

    size: PanelSize
    builder: Any
    sql: str
    query_format: int


def stat_panel(
    title: str, sql: str, field: str, unit: str = "none", decimals: int | None = None, reducer: str = "lastNotNull"
) -> Panel:
    """Returns a panel with one number: a field of the rows, reduced to one value."""
    options = ReduceDataOptions().calcs([reducer]).fields(f"/^{field}$/").values(False)
    builder = stat.Panel().title(title).unit(unit).reduce_options(options).graph_mode(BigValueGraphMode.NONE)
    return Panel(STAT, builder if decimals is None else builder.decimals(decimals), sql, TABLE)


def time_series_panel(
    title: str, sql: str, unit: str = "none", size: PanelSize = HALF, stacked: bool = False, fields: Sequence[str] = ()
) -> Panel:
    """Returns a panel with values over time. A text column of the rows names the lines. fields: empty for all."""
    builder = timeseries.Panel().title(title).unit(unit)
    builder = builder.show_points(VisibilityMode.NEVER).fill_opacity(10)
    if stacked:
        builder = builder.stacking(StackingConfig().mode(StackingMode.NORMAL))
    if fields:
        chosen = {"include": {"names": ["time", *fields]}}
        builder = builder.with_transformation(DataTransformerConfig(id_val="filterFieldsByName", options=chosen))
    return Panel(size, builder, sql, TIME_SERIES)


def table_panel(title: str, sql: str, size: PanelSize = HALF, units: dict[str, str] | None = None) -> Panel:
    """Returns a panel with all rows. units: unit of each column that has one."""
    builder = table.Panel().title(title)
    for column, unit in (units or {}).items():
        builder = builder.override_by_name(column, [DynamicConfigValue("unit", unit)])
    return Panel(size, builder, sql, TABLE)


def with_session_links(panel: Panel) -> Panel:
    """Links each row to the session's dashboard. The rows need account_id, session_id, from_ms and to_ms."""
    url = (
        "/d/paper-session?var-run_id=${run_id}&var-account=${__data.fields.account_id}"
        "&var-session=${__data.fields.session_id}&from=${__data.fields.from_ms}&to=${__data.fields.to_ms}"
    )
    links = [{"title": "session", "url": url}]
    builder = panel.builder.override_by_name("session_id", [DynamicConfigValue("links", links)])
    return panel._replace(builder=builder)


def query_variable(name: str, label: str, sql: str) -> dashboard.QueryVariable:
    """Returns a dashboard variable whose choices are the rows of a query."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(CLICKHOUSE)
        .query({"rawSql": sql, "queryType": "table", "format": TABLE, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_DESC)
    )


def build_dashboard(
    uid: str, title: str, variables: list[dashboard.QueryVariable], panels: list[Panel]
) -> dashboard.Dashboard:
    """Returns a dashboard with its panels laid out from left to right, row after row."""
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
    senders: dict[tuple[str, int], int] = {}
    left = top = height = 0
    for number, panel in enumerate(panels, 1):
        size = panel.size
        if left + size.width > COLUMNS:
            left, top, height = 0, top + height, 0
        sender = senders.setdefault((panel.sql, panel.query_format), number)
        builder = panel.builder.id(number).grid_pos(GridPos(size.height, size.width, left, top))
        made = made.with_panel(_with_query(builder, panel, sender if sender != number else None))
        left, height = left + size.width, max(height, size.height)
    return made


def _with_query(builder: Any, panel: Panel, sender: int | None) -> Any:
    """Adds the panel's query, or a reference to the panel that sends it already. sender: id of that panel."""
    if sender is None:
        return builder.datasource(CLICKHOUSE).with_target(_ClickHouseQueryBuilder(panel.sql, panel.query_format))
    return builder.datasource(OTHER_PANEL).with_target(
        SharedQuery().datasource(OTHER_PANEL).panel_id(sender).ref_id("A").with_transforms(False)
    )
