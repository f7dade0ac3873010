"""Fees against published schedules, where a rate of the notional plus an amount per unit expresses them.

Sources: zipline (per share), Interactive Brokers (US fixed, FX), Binance (spot). Minimums and caps per order are not
part of this model: a vector stands here where they do not bind.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from streams.domain.config import FeeConfig
from streams.domain.enums import Liquidity
from streams.domain.instruments import Instrument
from streams.domain.numbers import MONEY_SCALE
from streams.execution.fees import rate_and_unit_fee
from tests.builders import config, fee, instrument, new, px, quote
from tests.domain.desk import ready

ADDED, REMOVED = Liquidity.ADDED, Liquidity.REMOVED


@pytest.mark.parametrize("liquidity", [ADDED, REMOVED])
@pytest.mark.parametrize(
    ("schedule", "quantity", "price", "expected"),
    [
        pytest.param(fee(per_unit="0.005"), "1000", "25", "5.00", id="IBKR US fixed, above its minimum"),
        pytest.param(fee(maker="0.00002", taker="0.00002"), "1000000", "1.25", "25", id="IBKR FX, 0.20 bp"),
        pytest.param(fee(maker="0.00002", taker="0.00002"), "80000", "1.25", "2", id="IBKR FX at its minimum"),
        pytest.param(fee(maker="0.001", taker="0.001"), "0.5", "60000", "30", id="Binance spot, 10 bp"),
        pytest.param(fee(maker="0.001", taker="0.001"), "0.00001", "0.01", "0.0000000001", id="a small one"),
    ],
)
def test_published_fees(schedule: FeeConfig, quantity: str, price: str, expected: str, liquidity: Liquidity) -> None:
    charged = rate_and_unit_fee(Instrument.from_config(instrument(fee=schedule)), px(quantity), px(price), liquidity)
    assert Fraction(charged, MONEY_SCALE) == Fraction(expected)


def test_per_share_over_partial_fills() -> None:
    """0.0075 a share, fills 230, 170, 100: 1.725, 3, 3.75 together (the minimum of 1 does not bind)."""
    desk = ready(config(instruments=(instrument(fee=fee(per_unit="0.0075")),)))
    desk.send(quote(ask_sz="230"), new("o", quantity="500", price="10.02"))
    desk.send(quote(ask_sz="170"), quote(ask_sz="100"))
    assert [fill.quantity for fill in desk.fills] == [px("230"), px("170"), px("100")]
    paid = [sum(fill.commission for fill in desk.fills[:count]) for count in (1, 2, 3)]
    assert [Fraction(amount, MONEY_SCALE) for amount in paid] == list(map(Fraction, ("1.725", "3", "3.75")))


def test_maker_and_taker_rates_go_by_liquidity() -> None:
    traded = Instrument.from_config(instrument(fee=fee(maker="0.0002", taker="0.0005", per_unit="0.01")))
    charged = {side: rate_and_unit_fee(traded, px("3"), px("7"), side) for side in (ADDED, REMOVED)}
    assert {side: Fraction(amount, MONEY_SCALE) for side, amount in charged.items()} == {
        ADDED: Fraction("0.0342"),
        REMOVED: Fraction("0.0405"),
    }
