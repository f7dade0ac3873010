"""The market and the parameters of the EMA cross oracle, and how its recorded trades were made.

    PYTHONPATH=. python -m tests.oracle.ema_oracle FOLDER

runs NautilusTrader (in the environment of `paper bench --peers`) on the recorded day in FOLDER and writes TRADES.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from schemas.records.numbers import NANOS_PER_MS
from streams.pipeline.feed.infer_instruments import infer_instruments
from streams.pipeline.feed.table import COLUMNS, QUOTE, MarketTable
from streams.tools.bench.peers.make_market_file import make_quotes_file
from streams.tools.bench.peers.market_file import save_arrays
from streams.tools.bench.peers.measure_peers import ask_peer, peers_python
from streams.tools.bench.resimulation import recorded_day
from tests.evidence.sessions.recorded_days import OPEN_NS

TRADES = Path(__file__).with_name("nautilus_ema_trades.csv")
QUOTES = 80_000
LATENCY_MS = 5
PARAMETERS: dict[str, Any] = {"fast": 10, "slow": 20, "bar_ticks": 50, "quantity": "10", "distance_bps": "5"}


class OracleFill(NamedTuple):
    """A fill. time_ns: UTC nanoseconds. kind: entry, target, stop, or leave (a position whose stop was refused)."""

    time_ns: int
    kind: str
    side: str
    quantity: str
    price: str


def oracle_market(folder: Path) -> MarketTable:
    """Returns the first quotes after the open that have both sides."""
    table = recorded_day(folder)
    assert table is not None, f"{folder} lacks the recorded day"
    is_full = (table.kind == QUOTE) & (table.bid_sz > 0) & (table.ask_sz > 0) & (table.time >= OPEN_NS)
    rows = np.flatnonzero(is_full)[:QUOTES]
    columns: dict[str, Any] = {name: getattr(table, name)[rows] for name in ("symbol", *COLUMNS)}
    return replace(table, **columns)


def read_trades() -> list[OracleFill]:
    """Returns the fills that NautilusTrader made."""
    with TRADES.open(newline="") as file:
        return [OracleFill(int(row["time_ns"]), row["kind"], row["side"], row["quantity"], row["price"])
                for row in csv.DictReader(file)]  # fmt: skip


def main(folder: Path) -> None:
    """Asks NautilusTrader and writes its fills."""
    table = oracle_market(folder)
    (instrument,) = infer_instruments(table)
    market = make_quotes_file(table, instrument, LATENCY_MS * NANOS_PER_MS)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "market.npz"
        save_arrays(market, path)
        answer = ask_peer(peers_python(print), "nautilus_ema", PARAMETERS | {"market": str(path)})
    with TRADES.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(OracleFill._fields)
        writer.writerows(answer["fills"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
