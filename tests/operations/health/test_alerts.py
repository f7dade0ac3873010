"""Every alert uses metrics that the exporter serves, and has its section in the runbook."""

from __future__ import annotations

import re
import urllib.request
from typing import Any

import pytest
import yaml

from infra.settings import REPOSITORY
from streams import figures
from streams.operations.health.health import (
    FeedReport,
    Health,
    JournalTail,
    PartitionLag,
    ProcessHealth,
)
from streams.operations.health.observer import Observer
from streams.operations.health.prometheus_metrics import HealthMetrics, MetricsServer, ProcessMetrics, TableMetrics
from streams.operations.health.table_figures import TableFigures
from streams.pipeline.live.feed_health import FeedHealth
from tests.stacks import free_port

RULES = yaml.safe_load((REPOSITORY / "infra/prometheus/alerts.yml").read_text())["groups"]
ALERTS = {rule["alert"]: rule for group in RULES for rule in group["rules"]}
RUNBOOK = (REPOSITORY / "docs/runbook.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
SERIES = re.compile(r"\b(paper_\w+)(\{[^}]*\})?")
LABEL = re.compile(r"\$labels\.(\w+)")
OF_PROMETHEUS = {"up"}
FEED = FeedHealth("binance:ccxt", ("BTCUSDT",), True, 1.0, 0.1, 0, 0, 0.0, (), 1, 0, 0, 0, 0, 0, 0, 1.0)
HEALTH = Health(
    "",
    [PartitionLag("g", "orders", 0, 1, 2.0, 3)],
    [],
    {},
    [],
    [ProcessHealth("worker-1", 1, 0, "")],
    None,
    [],
    [JournalTail("accounts-0", 1, 0)],
    feeds=[FeedReport(FEED, 0.0, True)],
)
TABLES = TableFigures("", {"NEW": 1}, {("orders", "Undecodable"): 1}, {"daily-loss": 1}, {"live:binance": 1.0})


def series() -> dict[str, set[str]]:
    """Returns the labels of each series that the exporter serves."""
    observer, tables = Observer(lambda: HEALTH), Observer(lambda: TABLES, "tables")
    observer.observe()
    tables.observe()
    for figure in (figures.COMMIT_SECONDS, figures.ABORTS, figures.TAKEOVERS, figures.FENCINGS, figures.STATE_BYTES):
        figure.labels("accounts-0")
    for figure_of_topic in (figures.INSERT_SECONDS, figures.INSERT_ROWS):
        figure_of_topic.labels("orders")
    processes = ProcessMetrics(lambda: list(figures.REGISTRY.collect()))
    port = free_port()
    collectors = [HealthMetrics(observer), TableMetrics(tables), processes]
    with MetricsServer(port, collectors), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        lines = response.read().decode().splitlines()
    found: dict[str, set[str]] = {}
    for line in lines:
        if line[0] != "#":
            name, _, rest = line.partition("{")
            found.setdefault(name.split()[0], set()).update(re.findall(r'(\w+)="', rest))
    return found


@pytest.fixture(scope="module")
def served() -> dict[str, set[str]]:
    return series()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_whole_and_its_metrics_are_served(name: str, served: dict[str, set[str]]) -> None:
    rule: dict[str, Any] = ALERTS[name]
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    assert rule["labels"]["severity"] in ("page", "ticket")
    used = SERIES.findall(rule["expr"])
    assert used or rule["expr"].startswith("up{")
    for metric, matchers in used:
        assert metric in served, metric
        assert set(re.findall(r"(\w+)[=!]", matchers)) <= served[metric], metric
    assert rule["expr"].count("(") == rule["expr"].count(")")
    labels = set(LABEL.findall(rule["annotations"]["summary"]))
    known = set.union({"instance"}, *(served[metric] for metric, _ in used))
    assert labels <= known
    aggregated = re.findall(r"\bby \(([\w, ]+)\)", rule["expr"])
    if aggregated:
        assert labels <= {label.strip() for part in aggregated for label in part.split(",")}


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    assert list(SECTIONS) == list(ALERTS)
    for name, text in SECTIONS.items():
        assert re.search(r"\*\*Means\.\*\*.+\*\*Look at\*\*.+\*\*Do\.\*\*", text, re.DOTALL), name


def test_the_runbook_names_commands_and_metrics_that_exist(served: dict[str, set[str]]) -> None:
    from streams.cli.help_pages import EXAMPLES

    for command in re.findall(r"`paper ([a-z][a-z -]*?)(?: -| [A-Z]|`)", RUNBOOK):
        assert any(f"{example} ".startswith(f"{command.strip()} ") for example in EXAMPLES), command
    bases = {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in served} | set(served)
    for metric, _ in SERIES.findall(RUNBOOK):
        assert metric in bases, metric


def test_prometheus_reads_the_rules_and_scrapes_the_exporter() -> None:
    folder = REPOSITORY / "infra/prometheus"
    config = yaml.safe_load((folder / "prometheus.yml").read_text())
    assert all((folder / name).exists() for name in config["rule_files"])
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["paper"]["static_configs"] == [{"targets": ["exporter:9464"]}]
    assert jobs["paper-processes"]["dns_sd_configs"][0]["port"] == 9465


def test_without_clickhouse_only_its_absence_is_served() -> None:
    tables = Observer(lambda: TableFigures("away", {}, {}, {}, {}), "tables")
    tables.observe()
    (only,) = TableMetrics(tables).collect()
    assert (only.name, only.samples[0].value) == ("paper_clickhouse_up", 0.0)
