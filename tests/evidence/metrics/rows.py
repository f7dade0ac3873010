"""Makes rows of the pipeline's tables, and a ClickHouse with those tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from hypothesis import Phase, settings

from infra.clickhouse.client import connect
from infra.clickhouse.migrate import migrate
from infra.settings import Settings
from tests.builders import PROPERTY
from tests.infra.clickhouse_servers import LocalServer

ON_SERVER = settings(PROPERTY, phases=(Phase.explicit, Phase.generate))
"""Settings of property tests that ask a server. A failure is reported as found, since shrinking takes minutes."""

FIRST_DAY = datetime(2024, 1, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_runs = itertools.count(1)
_offsets = itertools.count()


@contextmanager
def migrated_server(folder: Path) -> Iterator[Settings]:
    """Yields settings of a database with the pipeline's tables, on a new server."""
    with LocalServer(folder) as running:
        settings = Settings(_env_file=None, clickhouse_url=running.url, clickhouse_database="metrics")
        migrate(settings)
        yield settings


@contextmanager
def connected(settings: Settings) -> Iterator[Client]:
    """Yields a client on the database."""
    with closing(connect(settings)) as client:
        yield client


def new_run() -> str:
    """Returns a new run id."""
    return f"run-{next(_runs)}"


def insert(client: Client, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows, each at the next offset of partition 0. Columns that they don't name take their default."""
    if not rows:
        return
    placed = [{"partition": 0, "offset": next(_offsets), "kafka_timestamp": FIRST_DAY} | row for row in rows]
    names = sorted(placed[0])
    client.insert(table, [[row[name] for name in names] for row in placed], column_names=names)


def equity(run_id: str, value: Any, ts: datetime, trigger: str = "INTERVAL", **changes: Any) -> dict[str, Any]:
    """Returns an equity record of session s of account A in USD, strategy st, without a position."""
    amount = Decimal(value) if not isinstance(value, float) else Decimal(repr(value))
    row = {
        "run_id": run_id,
        "account_id": "A",
        "session_id": "s",
        "strategy_id": "st",
        "currency": "USD",
        "trigger": trigger,
        "cash": amount,
        "equity": amount,
        "position_value": Decimal(0),
        "peak_equity": amount,
        "drawdown": Decimal(0),
        "gross_exposure": Decimal(0),
        "ts": ts,
    }
    return row | changes


def session(run_id: str, opening: Any, ends: Sequence[Any], **changes: Any) -> list[dict[str, Any]]:
    """Returns equity records of a session: its opening before any market time, then one a day."""
    rows = [equity(run_id, opening, EPOCH, "SESSION_OPEN", **changes)]
    return rows + [equity(run_id, end, FIRST_DAY + number * DAY, **changes) for number, end in enumerate(ends)]


def fill(run_id: str, side: str, quantity: Any, price: Any, ts: datetime, **changes: Any) -> dict[str, Any]:
    """Returns a fill of symbol ABC by session s of account A, without fee. The caller gives position and PnL."""
    number = next(_offsets)
    row = {
        "run_id": run_id,
        "offset": number,
        "exec_id": f"x-{number}",
        "order_id": f"o-{number}",
        "account_id": "A",
        "session_id": "s",
        "strategy_id": "st",
        "symbol": "ABC",
        "side": side,
        "quantity": Decimal(quantity),
        "price": Decimal(price),
        "notional": Decimal(quantity) * Decimal(price),
        "commission": Decimal(0),
        "currency": "USD",
        "liquidity": "REMOVED",
        "realised_pnl": Decimal(0),
        "position_qty": Decimal(0),
        "cash": Decimal(0),
        "fx_rate": None,
        "account_currency": None,
        "slippage_mid": None,
        "slippage_arrival": None,
        "ts": ts,
    }
    return row | changes
