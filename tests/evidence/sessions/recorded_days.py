"""Part of the recorded days, small enough to trade in a minute: a US stock's open, three days of a currency."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

STOCK, CURRENCY = "AIG_US_20131009", "EURUSD_OANDA_201405"
OPEN_NS = 1_381_325_400_000_000_000
"""2013-10-09 09:30 in New York."""
STOCK_QUOTES, CURRENCY_QUOTES = 6_000, 800
DAY_NS = 86_400_000_000_000


def write_days(source: Path, target: Path) -> None:
    """Writes quotes and trades after the stock's open, and the first quotes of each of the currency's days."""
    target.mkdir()
    quotes = list(islice(_after(source / f"{STOCK}.quotes.csv.gz", OPEN_NS), STOCK_QUOTES))
    end = _time(quotes[-1])
    trades = [line for line in _until(source / f"{STOCK}.trades.csv.gz", end) if _time(line) >= OPEN_NS]
    _write(source / f"{STOCK}.quotes.csv.gz", target, quotes)
    _write(source / f"{STOCK}.trades.csv.gz", target, trades)
    days: dict[int, list[str]] = {}
    for line in _after(source / f"{CURRENCY}.quotes.csv.gz", 0):
        lines = days.setdefault(_time(line) // DAY_NS, [])
        if len(lines) < CURRENCY_QUOTES:
            lines.append(line)
    _write(source / f"{CURRENCY}.quotes.csv.gz", target, [line for lines in days.values() for line in lines])


def _after(path: Path, time_ns: int) -> Iterator[str]:
    with gzip.open(path, "rt") as lines:
        next(lines)
        yield from (line for line in lines if _time(line) >= time_ns)


def _until(path: Path, time_ns: int) -> list[str]:
    found = []
    for line in _after(path, 0):
        if _time(line) > time_ns:
            break
        found.append(line)
    return found


def _time(line: str) -> int:
    return int(line.partition(",")[0])


def _write(source: Path, target: Path, lines: list[str]) -> None:
    with gzip.open(source, "rt") as original:
        head = original.readline()
    (target / source.name.removesuffix(".gz")).write_text(head + "".join(lines))
