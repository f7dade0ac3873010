"""Tests that `paper bench scale` measures every size, loads every partition and plots its results."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from infra.settings import Settings
from streams.pipeline.journal.partitions import partition_of
from streams.tools.bench.bench_orders import BenchOrder
from streams.tools.bench.many_accounts import PARTITIONS_MAX, balanced_names, orders_in_turn
from streams.tools.bench.order_cost import cost_of_accounts, cost_of_own_orders, venue_us_per_order
from tests import builders
from tests.end_to_end.processes import paper
from tests.tools.bench.test_bench import demand_nothing_left

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("partitions", [1, 2, 4, PARTITIONS_MAX])
def test_names_are_spread_evenly(partitions: int) -> None:
    names = balanced_names("name-", 3)
    counts = [0] * partitions
    for name in names:
        counts[partition_of(name, partitions)] += 1
    assert counts == [len(names) // partitions] * partitions
    assert len(set(names)) == len(names) == 3 * PARTITIONS_MAX


def test_accounts_take_turns_and_use_all_symbols() -> None:
    chosen = [BenchOrder(name, "USD", builders.px(10), builders.px(11), builders.px(1)) for name in ("ABC", "XYZ")]
    endless = orders_in_turn(["A", "B"], chosen)
    orders = [next(endless) for _ in range(8)]
    assert [order.account_id for order in orders] == ["A", "B"] * 4
    assert len({order.order_id for order in orders}) == 8
    assert {order.symbol for order in orders if order.account_id == "A"} == {"ABC", "XYZ"}


def test_an_orders_cost_is_measured() -> None:
    """Each measurement asserts that its orders are approved, and that resting orders rest."""
    alone, own = cost_of_accounts(3, orders=6), cost_of_own_orders(5, orders=6)
    assert min(alone.us_per_order, alone.us_per_mark, own.us_per_order) > 0
    assert venue_us_per_order(5, orders=6) > 0


def test_one_run_measures_every_size_and_draws_it(pipeline_settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "scale.svg"
    small = ["--seconds", "1", "--partitions", "2", "--workers", "2", "--orders", "6", "--plot", str(file)]
    sizes = ["--accounts", "1", "--accounts", "3", "--working", "0", "--working", "10"]
    done = paper(pipeline_settings, "bench", "scale", "--json", *small, *sizes)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    (throughput,) = document["throughput"]
    assert (throughput["partitions"], throughput["workers"]) == (2, 2)
    assert throughput["orders_per_s"] > 0
    assert {(cost["what"], cost["number"]) for cost in document["costs"]} == {
        ("accounts open", 1),
        ("accounts open", 3),
        ("account's working orders", 0),
        ("account's working orders", 10),
        ("venue's working orders", 0),
        ("venue's working orders", 10),
    }
    assert [mark["accounts"] for mark in document["marks"]] == [1, 3]
    drawn = Xml.fromstring(file.read_text())
    assert len(drawn.findall(f".//{SVG}circle")) == 1 + 6
    demand_nothing_left(pipeline_settings)
