"""Position arithmetic against an obvious model in fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.ledger.position import Position
from tests.builders import PROPERTY, px

FILLS = st.lists(
    st.tuples(
        st.one_of(st.integers(-5, 5), st.integers(-(10**15), 10**15)).filter(bool),
        st.one_of(st.integers(1, 20), st.integers(1, 10**14)),
        st.integers(0, 10**20),
    ),
    min_size=1,
    max_size=30,
)
"""Signed quantity 1e-9, price 1e-9, commission 1e-18."""


@dataclass
class Exact:
    """Average cost, never rounded."""

    quantity: Fraction = Fraction(0)
    average: Fraction = Fraction(0)
    gross: Fraction = Fraction(0)

    def book(self, quantity: Fraction, price: Fraction) -> None:
        """Books one fill: first the part that closes, then the part that opens."""
        closing = Fraction(0)
        if self.quantity * quantity < 0:
            closing = -quantity if abs(quantity) <= abs(self.quantity) else self.quantity
            self.gross += closing * (price - self.average)
            self.quantity -= closing
        opening = quantity + closing
        if opening:
            total = self.quantity + opening
            self.average = (self.quantity * self.average + opening * price) / total
            self.quantity = total


@settings(PROPERTY, max_examples=300)
@given(FILLS)
def test_positions_follow_average_cost(fills: list[tuple[int, int, int]]) -> None:
    """Each close may round once, by at most half a unit of 1e-18."""
    position, exact = Position(), Exact()
    for count, (quantity, price, commission) in enumerate(fills, 1):
        position.book_fill(quantity, price, commission)
        exact.book(Fraction(quantity), Fraction(price))
        assert position.quantity == exact.quantity
        assert abs(position.gross_realised - exact.gross) <= count
        if position.quantity:
            assert position.average_price is not None
            rounded = Fraction(1, 2) + Fraction(count, abs(position.quantity))
            assert abs(position.average_price - exact.average) <= rounded


@settings(PROPERTY, max_examples=300)
@given(FILLS)
def test_cash_flow_is_realised_profit_less_open_cost_exactly(fills: list[tuple[int, int, int]]) -> None:
    position = Position()
    told = flow = paid = 0
    for quantity, price, commission in fills:
        told += position.book_fill(quantity, price, commission)
        flow -= quantity * price
        paid += commission
        assert position.gross_realised - position.cost == flow
        assert position.realised_pnl == told == position.gross_realised - paid
        assert position.commission == paid
        if position.quantity == 0:
            assert (position.cost, position.average_price, position.realised_pnl) == (0, None, flow - paid)
        else:
            assert position.cost * position.quantity >= 0


@settings(PROPERTY, max_examples=100)
@given(FILLS)
def test_a_short_mirrors_a_long(fills: list[tuple[int, int, int]]) -> None:
    long, short = Position(), Position()
    for quantity, price, commission in fills:
        long.book_fill(quantity, price, commission)
        short.book_fill(-quantity, price, commission)
        assert (short.quantity, short.average_price) == (-long.quantity, long.average_price)
        assert (short.cost, short.gross_realised) == (-long.cost, -long.gross_realised)


def test_a_flip_closes_and_opens_at_the_price() -> None:
    position = Position()
    position.book_fill(px(10), px(100), 0)
    assert position.book_fill(px(-25), px(110), 7) == px(10) * px(10) - 7
    assert (position.quantity, position.average_price) == (px(-15), px(110))


def test_a_fill_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="quantity 0"):
        Position().book_fill(0, px(1), 0)
