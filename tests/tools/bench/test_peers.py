"""Tests the measurement of other engines: the market file, their processes' answers, and the errors if one fails.

The engines are not installed where tests run: a stand-in process answers in their place.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import PeerError
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench import resimulation
from streams.tools.bench.peers.depth_changes import depth_changes
from streams.tools.bench.peers.make_market_file import first_symbol, make_market_file
from streams.tools.bench.peers.market_file import MarketFile, decimal_places, load_arrays, save_arrays
from streams.tools.bench.peers.measure_peers import LOCK, ask_peer, measure_engines, parse_answer, peers_python
from streams.tools.bench.peers.peer_protocol import pack_flags, unpack_flags
from tests import builders

INSTRUMENTS = {item.symbol: item for item in (builders.instrument("ABC", lot_size="7"), builders.instrument("XYZ"))}


@pytest.fixture(scope="module")
def table() -> MarketTable:
    return first_symbol(synthetic(SyntheticMarket(1, seconds=120), tuple(INSTRUMENTS.values())))


def stand_in(folder: Path, script: str) -> Path:
    """Returns an executable that runs instead of a peer's Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\ncat > {folder}/request\n{script}\n")
    path.chmod(0o755)
    return path


def test_all_engines_read_the_quotes_and_the_orders_of_the_resimulation(table: MarketTable, tmp_path: Path) -> None:
    save_arrays(make_market_file(table, INSTRUMENTS), tmp_path / "market.npz")
    market = load_arrays(MarketFile, tmp_path / "market.npz")
    assert market.quote_ts.tolist() == table.time.tolist()
    for name in ("bid_px", "bid_sz", "ask_px", "ask_sz"):
        assert getattr(market, name).tolist() == getattr(table, name).tolist()

    rows = range(0, len(table), resimulation.QUOTES_PER_ORDER)
    assert len(market.order_ts) == len(rows) > 10
    for number, row in enumerate(rows):
        buys = number % 2 == 0
        assert market.order_ts[number] == table.time[row]
        assert market.order_side[number] == (1 if buys else -1)
        assert market.order_px[number] == (table.bid_px[row] if buys else table.ask_px[row])
        assert market.order_qty[number] == builders.px(7)
    assert set((market.cancel_ts - market.order_ts).tolist()) == {60_000_000_000}
    assert market.lot_size.tolist() == [builders.px(7)]
    assert market.latency_ns.tolist() == [5_000_000], "as the simulator top-of-book delays a request"


def test_the_first_symbol_is_taken_and_quotes_alone() -> None:
    both = synthetic(SyntheticMarket(1, seconds=5), tuple(INSTRUMENTS.values()))
    one = first_symbol(both)
    assert one.symbols == ("ABC",)
    assert 0 < len(one) < len(both)
    assert set(one.kind.tolist()) == {ord("Q")}


PRICES, SIZES = st.integers(95, 105), st.integers(1, 3)


@given(st.lists(st.tuples(PRICES, SIZES, PRICES, SIZES), min_size=1, max_size=30))
def test_changes_of_depth_make_the_quotes_again(quotes: list[tuple[int, int, int, int]]) -> None:
    """Also tests that no side is ever empty, and that sides meet only if a quote's own sides do."""
    bid_px, bid_sz, ask_px, ask_sz = (np.array(column, np.int64) for column in zip(*quotes, strict=True))
    none = np.zeros(0, np.int64)
    market = MarketFile(np.arange(len(quotes)), bid_px, bid_sz, ask_px, ask_sz, *[none] * 8)
    changes = depth_changes(market)
    bids, asks = dict[int, int](), dict[int, int]()
    for row, (bid, bid_size, offer, offer_size) in enumerate(quotes):
        for at in np.flatnonzero(changes.quote == row).tolist():
            side, px, size = (bids if changes.bid[at] else asks), int(changes.px[at]), int(changes.size[at])
            if size:
                side[px] = size
            else:
                del side[px]
                assert side
            apart = row > 0 and quotes[row - 1][0] < quotes[row - 1][2] and bid < offer
            assert not apart or max(bids) < min(asks)
        assert (bids, asks) == ({bid: bid_size}, {offer: offer_size})
        told = int(np.count_nonzero(changes.quote == row))
        repeated = row > 0 and quotes[row - 1] == quotes[row]
        assert not repeated or told == (2 if bid >= offer else 0)


@pytest.mark.parametrize("size", [0, -1])
def test_a_quote_without_a_size_is_refused(table: MarketTable, size: int) -> None:
    sizes = table.ask_sz.copy()
    sizes[3] = size
    lacking = MarketTable(
        table.symbols, table.symbol, table.kind, table.time, table.bid_px, table.bid_sz, table.ask_px, sizes
    )
    with pytest.raises(PeerError, match=r"ABC: .*both sides with their sizes.*--peers"):
        make_market_file(lacking, INSTRUMENTS)


@pytest.mark.parametrize(
    ("step", "expected"), [("0.01", 2), ("0.005", 3), ("1", 0), ("100", 0), ("0.000000001", 9), ("0.5", 1)]
)
def test_digits_of_a_step(step: str, expected: int) -> None:
    assert decimal_places(builders.px(step)) == expected


@pytest.mark.parametrize("count", [0, 1, 8, 13])
def test_flags_come_back_as_they_went(count: int) -> None:
    flags = np.array([number % 3 == 0 for number in range(count)], bool)
    assert unpack_flags(pack_flags(flags), count).tolist() == flags.tolist()
    with pytest.raises(ValueError, match=f"for {count + 9} orders"):
        unpack_flags(pack_flags(flags), count + 9)


def test_an_answer_is_the_last_line() -> None:
    assert parse_answer("quix", 'a library says hello\n{"events_per_s": 3}\n') == {"events_per_s": 3}


@pytest.mark.parametrize("output", ["", "no json\n", "[1]\n", '{"events_per_s": 3}\ntail\n'])
def test_anything_else_is_no_answer(output: str) -> None:
    with pytest.raises(PeerError, match="quix must answer with a JSON object"):
        parse_answer("quix", output)


def test_numbers_of_both_engines_and_how_their_fills_agree_with_ours(table: MarketTable, tmp_path: Path) -> None:
    orders = list(resimulation.sent_orders(table, INSTRUMENTS))
    ours = resimulation.filled_orders(builders.config(), table, INSTRUMENTS)
    assert 1 < len(ours) < len(orders), "some fill, some expire"
    flags = np.array([order.order_id in ours for order in orders], bool)
    flags[0] = not flags[0]
    python = stand_in(tmp_path, f"""echo '{{"quotes_per_s": 5.5, "filled": "{pack_flags(flags)}"}}'""")
    numbers = measure_engines(python, builders.config(), table, INSTRUMENTS)
    assert numbers.pop("resim_load_s") > 0
    assert numbers.pop("resim_no_orders_quotes_per_s") > 0
    expected = {"quotes_per_s": 5.5, "filled": flags.sum(), "agree": len(orders) - 1}
    assert numbers == {"resim_orders": len(orders), "resim_filled": len(ours)} | {
        f"peer_{name}_{key}": value for name in ("hftbacktest", "nautilus") for key, value in expected.items()
    }
    assert '"market": "' in (tmp_path / "request").read_text()

    short = stand_in(tmp_path, """echo '{"quotes_per_s": 5.5, "filled": ""}'""")
    with pytest.raises(PeerError, match=f"which of {len(orders)} orders filled"):
        measure_engines(short, builders.config(), table, INSTRUMENTS)


def test_an_engine_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"hftbacktest ended with exit code 3; .*hftbacktest_peer says:\nout of luck"):
        ask_peer(stand_in(tmp_path, "echo out of luck >&2; exit 3"), "hftbacktest", {})
    with pytest.raises(PeerError, match=r"quix ended with exit code 1(.|\n)*No module named 'quixstreams'"):
        ask_peer(Path(sys.executable), "quix", {})


def test_an_environment_that_cannot_be_made_is_said_with_a_remedy(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("nothing-of-this-name @ file:///nowhere/at/all.whl\n")
    said: list[str] = []
    with pytest.raises(PeerError, match=r"can't be made(.|\n)*Python 3.11(.|\n)*omit --peers"):
        peers_python(said.append, tmp_path / "venv", lock)
    assert len(said) == 1
    assert not (tmp_path / "venv" / lock.name).exists()


def test_the_lock_of_the_engines_pins_what_the_product_does_not_need() -> None:
    locked = {line.partition("==")[0] for line in LOCK.read_text().splitlines() if "==" in line}
    assert {"hftbacktest", "nautilus-trader", "quixstreams", "numpy"} <= locked
    product = (LOCK.parents[2] / LOCK.name).read_text()
    assert not [name for name in ("hftbacktest", "nautilus-trader", "quixstreams") if f"\n{name}==" in product]
