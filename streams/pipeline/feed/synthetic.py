"""A seeded synthetic market: quotes and trades with random spreads, sizes and jumps."""

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from schemas.records.numbers import NANOS_PER_S, to_price
from streams.core.reference.declarations import InstrumentConfig
from streams.pipeline.feed.table import QUOTE, TRADE, MarketTable

SYNTHETIC_SUFFIX = ".SIM"
"""Suffix of instruments that only the synthetic market quotes."""
START_NS = 1_767_623_400 * NANOS_PER_S
"""2026-01-05 14:30 UTC, a Monday."""


@dataclass(frozen=True, slots=True)
class SyntheticMarket:
    """The parameters of a synthetic market.

    quotes_per_s: mean rate for each symbol. trade_share: trades for each quote. jump_ticks: size of a jump.
    """

    seed: int
    seconds: float
    quotes_per_s: float = 100.0
    trade_share: float = 0.2
    jumps_per_minute: float = 1.0
    jump_ticks: int = 30


def synthetic(market: SyntheticMarket, instruments: tuple[InstrumentConfig, ...]) -> MarketTable:
    """Returns the market of the instruments. A symbol's updates do not depend on the other symbols."""
    table = MarketTable.merged([_symbol(market, instrument) for instrument in instruments])
    return replace(table, source=f"synthetic:{market.seed}:{market.seconds:g}")


def _symbol(market: SyntheticMarket, instrument: InstrumentConfig) -> MarketTable:
    draw = np.random.Generator(np.random.PCG64([market.seed, crc32(instrument.symbol.encode())]))
    rows = max(int(market.seconds * market.quotes_per_s * (1 + market.trade_share)), 1)
    time = START_NS + np.sort(draw.integers(0, int(market.seconds * NANOS_PER_S), rows))
    trade = draw.random(rows) < market.trade_share / (1 + market.trade_share)
    trade[0] = False
    tick, lot = to_price(instrument.tick_size), to_price(instrument.lot_size)
    jump = draw.random(rows) < market.jumps_per_minute / 60 * market.seconds / rows
    steps = draw.choice([-1, 0, 1], rows, p=[0.2, 0.6, 0.2]) + jump * draw.choice([-1, 1], rows) * market.jump_ticks
    floor = 1_000
    middle = np.maximum(draw.integers(3_000, 12_000) + np.cumsum(steps), floor)
    spread = 1 + draw.geometric(0.6, rows) // 2
    bid = (middle - spread // 2) * tick
    ask = bid + spread * tick
    bid_size, ask_size = (lot * (1 + draw.lognormal(4.5, 1.0, rows)).astype(np.int64) for _ in range(2))
    buys = draw.random(rows) < 0.5
    quoted = np.maximum.accumulate(np.where(trade, 0, np.arange(rows)))
    trade_price = np.where(buys, ask[quoted], bid[quoted])
    letter = np.where(buys, ord("B"), ord("S"))
    return MarketTable(
        symbols=(instrument.symbol,),
        symbol=np.zeros(rows, np.int32),
        kind=np.where(trade, TRADE, QUOTE).astype(np.uint8),
        time=time,
        bid_px=np.where(trade, trade_price, bid),
        bid_sz=np.where(trade, np.maximum(bid_size // 4 // lot * lot, lot), bid_size),
        ask_px=np.where(trade, letter, ask),
        ask_sz=np.where(trade, 0, ask_size),
    )
