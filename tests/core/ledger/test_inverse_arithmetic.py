"""The ledger's arithmetic carries inverse contracts if a long is booked with a negative notional (decision 54).

Vectors: BitMEX, "Inverse Perpetual Contracts" (XBTUSD, a contract is worth 1 USD).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.numbers import MONEY_SCALE, PRICE_SCALE, divide_half_even, money_text
from streams.core.ledger.position import Position
from tests.builders import PROPERTY, px


def notional(signed_quantity: int, price: int) -> int:
    """Returns what a fill moves in the base coin, 1e-18: contracts / price, negative so that longs gain by a rise."""
    return -divide_half_even(abs(signed_quantity) * MONEY_SCALE, price)


def profit(side: int, quantity: int, entry: int, out: int) -> int:
    """Returns the realised PnL of a position from entry to out, 1e-18 of the base coin. side: 1 or -1."""
    position = Position()
    position.book_notional(side * quantity, notional(quantity, entry), 0)
    return position.book_notional(-side * quantity, notional(quantity, out), 0)


@pytest.mark.parametrize(("out", "long"), [("11000", "0.4545"), ("9000", "-0.5556")])
def test_the_venues_examples(out: str, long: str) -> None:
    """50,000 contracts from 10,000: 50000 * (1 / 10000 - 1 / out) XBT."""
    found = profit(1, px("50000"), px("10000"), px(out))
    assert f"{float(money_text(found)):.4f}" == long
    assert profit(-1, px("50000"), px("10000"), px(out)) == -found


@given(st.integers(1, 10**6), st.integers(1, 10**7), st.integers(1, 10**7))
@PROPERTY
def test_long_and_short_sum_to_zero_whatever_is_rounded(contracts: int, entry: int, out: int) -> None:
    prices = entry * PRICE_SCALE // 10, out * PRICE_SCALE // 10
    assert profit(1, contracts * PRICE_SCALE, *prices) + profit(-1, contracts * PRICE_SCALE, *prices) == 0
