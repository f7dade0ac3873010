"""Packing loses no update, keeps each symbol's order, and gives records that the core accepts."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from infra.settings import REPOSITORY
from streams.core.market.market_data import check_market_data
from streams.core.reference.declarations import InstrumentConfig
from streams.pipeline.feed.infer_instruments import infer_instruments, to_toml
from streams.pipeline.feed.pack import pack
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.reference.load_config import load_instruments
from tests.builders import PROPERTY
from tests.pipeline.feed.feed_rows import Row, rows_in, rows_of

REFERENCE = REPOSITORY / "infra" / "reference" / "instruments.toml"


def simulated() -> tuple[InstrumentConfig, ...]:
    return tuple(item for item in load_instruments(REFERENCE) if item.symbol.endswith(".SIM"))


@PROPERTY
@given(seed=st.integers(0, 2**32), step=st.integers(1, 400))
def test_packing_then_unpacking_gives_each_symbols_rows_in_order(seed: int, step: int) -> None:
    table = synthetic(SyntheticMarket(seed, seconds=2), simulated())
    packed: dict[str, list[Row]] = defaultdict(list)
    for start in range(0, len(table), step):
        for record in pack(table, start, min(start + step, len(table))):
            check_market_data(record)
            assert record.ts == record.times[-1]
            packed[record.symbol] += rows_in(record)
    expected: dict[str, list[Row]] = defaultdict(list)
    for row in rows_of(table):
        expected[row[0]].append(row)
    assert packed == expected


def test_the_synthetic_market_is_a_function_of_its_seed() -> None:
    instruments = simulated()
    one, again = (rows_of(synthetic(SyntheticMarket(7, seconds=3), instruments)) for _ in range(2))
    assert one == again
    assert rows_of(synthetic(SyntheticMarket(8, seconds=3), instruments)) != one
    alone = rows_of(synthetic(SyntheticMarket(7, seconds=3), instruments[:1]))
    assert alone == [row for row in one if row[0] == instruments[0].symbol], "other symbols change nothing"


def test_synthetic_prices_and_sizes_fit_their_instruments() -> None:
    for record in pack(table := synthetic(SyntheticMarket(3, seconds=20), simulated()), 0, len(table)):
        instrument = next(item for item in simulated() if item.symbol == record.symbol)
        tick, lot = int(instrument.tick_size * 10**9), int(instrument.lot_size * 10**9)
        assert all(price % tick == 0 for price in [*record.bid_px, *record.ask_px, *record.trade_px])
        assert all(size % lot == 0 and size > 0 for size in [*record.bid_sz, *record.ask_sz, *record.trade_sz])
        assert all(bid < ask for bid, ask in zip(record.bid_px, record.ask_px, strict=True))


def test_instruments_inferred_from_a_market_take_all_of_it() -> None:
    table = synthetic(SyntheticMarket(3, seconds=20), simulated())
    for found, known in zip(infer_instruments(table), simulated(), strict=True):
        assert known.tick_size % found.tick_size == 0
        assert known.lot_size % found.lot_size == 0
        assert (found.symbol, found.currency) == (known.symbol, "USD")


def test_reference_data_survive_being_written_and_read() -> None:
    import tomllib

    instruments = load_instruments(REFERENCE)
    read = tomllib.loads(to_toml(instruments))["instrument"]
    assert tuple(InstrumentConfig.model_validate(item) for item in read) == instruments
