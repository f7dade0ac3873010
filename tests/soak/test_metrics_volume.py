"""Tests the queries of a dashboard over many generated fills, and prints the time that each takes.

METRICS_FILLS sets the number of fills (10 million take some minutes): METRICS_FILLS=10000000 ./paper test -s THIS_FILE
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from streams.evidence.metrics.compute_metrics import MetricScope, metric_rows
from streams.evidence.metrics.conventions import Conventions
from streams.evidence.metrics.metric_catalog import COSTS, DAYS, ORDERS, REJECTS, RETURNS
from tests.evidence.metrics.rows import connected, migrated_server

FILLS = int(os.environ.get("METRICS_FILLS", "20000"))
BLOCK = 1_000_000
ACCOUNTS, SYMBOLS, DAYS_OF_TRADING = 10, 20, 60
RUN = "volume"
# Each account buys and sells the symbols in turn. Fills are spread evenly over the days, with an order for each.
MOMENT = f"toDateTime64('2024-01-01', 9, 'UTC') + number * {DAYS_OF_TRADING * 86_400 / FILLS}"
PLACE = f"""'{RUN}' AS run_id, number % {ACCOUNTS} % 4 AS partition, number AS offset, now64(3) AS kafka_timestamp,
    concat('a', toString(number % {ACCOUNTS})) AS account_id, concat('s', toString(number % {ACCOUNTS})) AS session_id,
    {MOMENT} AS ts"""
SYMBOL = f"concat('SYM', toString(intDiv(number, {ACCOUNTS}) % {SYMBOLS})) AS symbol"
TABLES = {
    "fills": f"""{PLACE}, {SYMBOL}, toString(number) AS exec_id, exec_id AS order_id, 'st' AS strategy_id,
        if(intDiv(number, {ACCOUNTS * SYMBOLS}) % 2 = 0, 'BUY', 'SELL') AS side, toDecimal64(3, 9) AS quantity,
        toDecimal64(100, 9) + toDecimal64(sipHash64(number) % 1000, 9) / 100 AS price,
        toDecimal128(quantity, 9) * price AS notional, toDecimal128('0.05', 18) AS commission, 'USD' AS currency,
        if(number % 3 = 0, 'ADDED', 'REMOVED') AS liquidity, if(side = 'BUY', quantity, 0) AS position_qty,
        toDecimal64('0.01', 9) AS slippage_mid, toDecimal64('0.02', 9) AS slippage_arrival""",
    "account_equity": f"""{PLACE}, 'st' AS strategy_id, 'USD' AS currency,
        if(number < {ACCOUNTS}, 'SESSION_OPEN', 'FILL') AS trigger,
        toDecimal128(1000000 + sipHash64(number) % 1000, 18) AS equity, toDecimal128(1001000, 18) AS peak_equity,
        equity - peak_equity AS drawdown, toDecimal128(300, 18) AS gross_exposure""",
    "order_results": f"""{PLACE}, {SYMBOL}, toString(number) AS order_id, number % 50 != 7 AS good,
        if(good, 'FILL', 'REJECTED') AS exec_type, if(good, NULL, 'MAX_POSITION') AS reason_code,
        true AS terminal, toDecimal64(3, 9) AS order_qty, if(good, order_qty, 0) AS cum_qty""",
}
COLUMNS = {"order_results": "* EXCEPT good"}
PANELS = [(RETURNS, ""), (DAYS, "day"), (COSTS, ""), (COSTS, "day"), (COSTS, "instrument"), (ORDERS, ""), (REJECTS, "")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("volume") / "data"
    with migrated_server(folder) as settings, connected(settings) as connection:
        for table, select in TABLES.items():
            columns = COLUMNS.get(table, "*")
            described = connection.query(f"DESCRIBE (SELECT {columns} FROM (SELECT {select} FROM numbers(1)))")
            names = ", ".join(row[0] for row in described.result_rows)
            for first in range(0, FILLS, BLOCK):
                numbers = f"numbers({first}, {min(BLOCK, FILLS - first)})"
                connection.command(
                    f"INSERT INTO {table} ({names}) SELECT {columns} FROM (SELECT {select} FROM {numbers})"
                )
        yield connection


@pytest.mark.parametrize(("query", "by"), PANELS)
def test_a_dashboard_over_many_fills(client: Client, query: str, by: str) -> None:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        rows = metric_rows(client, query, RUN, MetricScope("strategy", "st"), Conventions(), by)
        seconds.append(time.perf_counter() - started)
    print(f"\n{FILLS:>12,} fills  {query:<16} {by:<10} {len(rows):>4} rows  {min(seconds):.3f} to {max(seconds):.3f} s")
    if query == COSTS:
        assert sum(row["fills"] for row in rows) == FILLS
    elif query == DAYS:
        assert len(rows) == DAYS_OF_TRADING
    elif query == REJECTS:
        assert [row["rejects_of_reason"] for row in rows] == [len(range(7, FILLS, 50))]
    else:
        assert len(rows) == 1
