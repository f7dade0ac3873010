"""Tests of market data rules: each bad record is refused by a rule and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.records.enums import Side
from schemas.records.messages import MarketData
from schemas.records.output import RecordRefused
from streams.core.market.market_columns import BULK_ROWS, with_arrays
from streams.core.market.market_data import MarketRows, best_level
from tests.builders import (
    SECOND,
    START,
    book,
    columns,
    dividend,
    funding,
    joined,
    new,
    px,
    quote,
    settlement,
    trade,
)
from tests.core.desk import ready

GOOD = columns("ABC", [("Q", START, (1, 1, 2, 1)), ("T", START, (1, 0)), ("Q", START + 1, (0, 0, 5, -1))])


def wrong(**changes: object) -> MarketData:
    return GOOD._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(wrong(kinds="QTX"), id="a letter that is no kind"),
        pytest.param(wrong(times=[START, START]), id="fewer times than kinds"),
        pytest.param(wrong(times=[START + 1, START, START + 2]), id="times step back"),
        pytest.param(wrong(times=[0, START, START]), id="time zero"),
        pytest.param(wrong(times=[-5, START, START]), id="time before 1970"),
        pytest.param(wrong(bid_px=[1]), id="a short column"),
        pytest.param(wrong(ask_sz=[1, 1, 1]), id="a long column"),
        pytest.param(wrong(trade_px=[]), id="a trade without price"),
        pytest.param(wrong(ask_px=[2, 10**18]), id="a price above the largest"),
        pytest.param(wrong(bid_sz=[10**18, 0]), id="a size above the largest"),
        pytest.param(wrong(bid_sz=[-2, 0]), id="a size below unknown"),
        pytest.param(wrong(bid_px=[0, 0]), id="price zero with a size"),
        pytest.param(wrong(ask_px=[2, -5]), id="negative price of unknown size"),
        pytest.param(wrong(trade_px=[0]), id="a trade at zero"),
        pytest.param(wrong(trade_sz=[-1]), id="a trade of negative size"),
        pytest.param(wrong(aggressors="X"), id="an unknown aggressor"),
        pytest.param(wrong(aggressors=""), id="an aggressor missing"),
        pytest.param(funding("0.0001", "9")._replace(funding_px=[]), id="a funding without mark price"),
        pytest.param(funding("0.0001", "9")._replace(funding_px=[0]), id="a funding on nothing"),
        pytest.param(funding("0.0001", "9")._replace(funding_rate=[10**9 + 1]), id="a funding above the value"),
        pytest.param(funding("0.0001", "9")._replace(funding_rate=[-(10**9) - 1]), id="a funding below the value"),
        pytest.param(dividend("1")._replace(dividend=[]), id="a dividend without cash"),
        pytest.param(dividend("1")._replace(dividend=[0]), id="a dividend of nothing"),
        pytest.param(dividend("1")._replace(dividend=[10**18]), id="a dividend above the largest"),
        pytest.param(settlement("1")._replace(settlement_px=[]), id="a settlement without price"),
        pytest.param(settlement("1")._replace(settlement_px=[0]), id="a settlement at nothing"),
        pytest.param(settlement("1")._replace(settlement_px=[10**18]), id="a settlement above the largest"),
        pytest.param(wrong(settlement_px=[1]), id="a price without a settlement"),
        pytest.param(wrong(funding_rate=[1]), id="a rate without a funding"),
    ],
)
def test_impossible_market_data_is_refused_and_changes_nothing(record: MarketData) -> None:
    for at in (None, START + SECOND):
        desk = ready()
        desk.send(new("o", Side.BUY, "10", "9.00"))
        before = desk.state()
        with pytest.raises(RecordRefused, match=r"market\.data of ABC at") as refused:
            desk.send(record, at=at)
        assert refused.value.rule == "MARKET_DATA_INVALID"
        assert desk.state() == before


def test_possible_market_data_is_taken() -> None:
    desk = ready(market=False)
    desk.send(GOOD)
    book = desk.execution.venues["ABC"].book
    assert (book.bid, book.ask, book.ts) == (None, 5, START + 1)


def test_a_long_record_has_arrays_for_all_its_columns() -> None:
    """Without it the look-ahead works, but converts a list to an array for each answer."""
    long = joined([GOOD] * BULK_ROWS)._replace(book_bids=[1], book_asks=[1], book_px=[1, 2], book_sz=[1, 1])
    taken = with_arrays(
        long._replace(split_to=[2], split_of=[1], funding_rate=[1], funding_px=[1], dividend=[1], settlement_px=[1])
    )._asdict()
    plain = {name for name, value in taken.items() if not isinstance(value, np.ndarray)}
    assert plain == {"symbol", "ts", "kinds", "aggressors", "source"}


def test_market_data_older_than_the_symbols_last_update_is_refused() -> None:
    desk = ready()
    desk.send(quote(at=START + SECOND), quote(at=START + SECOND, symbol="XYZ"))
    before = desk.state()
    with pytest.raises(RecordRefused) as refused:
        desk.send(quote(at=START + SECOND - 1))
    assert refused.value.rule == "MARKET_TIME_STEPS_BACK"
    assert "TOPIC_PREFIX" in refused.value.text
    assert desk.state() == before
    desk.send(quote(at=START + SECOND), trade("10.01", "3", at=START + SECOND))


def test_the_best_level_of_a_side_is_its_price_and_size() -> None:
    rows = MarketRows(book([("10.00", "3"), ("9.99", "4")], []))
    bids, asks = rows.next_levels()
    assert best_level(bids) == (px("10.00"), px(3))
    assert best_level(asks) == (0, 0)
