"""Fee model: a rate of the notional by liquidity, plus an amount per unit."""

from streams.domain.enums import Liquidity
from streams.domain.instruments import Instrument
from streams.domain.numbers import PRICE_SCALE, divide_half_even


def rate_and_unit_fee(instrument: Instrument, quantity: int, price: int, liquidity: Liquidity) -> int:
    """Fee in 1e-18 of the currency, the rate's part rounded half even; quantity and price in 1e-9."""
    rate = instrument.maker_rate if liquidity is Liquidity.ADDED else instrument.taker_rate
    return divide_half_even(quantity * price * rate, PRICE_SCALE) + quantity * instrument.fee_per_unit
