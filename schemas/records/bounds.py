"""Bounds of the numbers and texts that enter the pipeline, and the proof that nothing made of them leaves its type.

The types are decimal(18, 9) for prices and quantities, below 1e9 units; decimal(38, 18) for money, below 1e20 units of
the currency; and 64-bit integers for times. Below, P is PRICE_MAX (1e9 units), B is BOOKED_MAX (1e15 units), N is
INSTRUMENTS_MAX (10,000), V is VALUE_MAX (1e19 units).

Times. Every time that enters is from 0 to TIME_MAX_NS, and a latency is at most an hour. A difference of two times is
below 2**63, and so is a time with a latency and the day of a heartbeat added.

Single products. A quantity and a price are at most P, so a notional is at most P * P = 1e18 units: it has 36 of 38
digits. A fee is at most the notional plus FEE_AMOUNT_MAX for each unit and for each fill.

Sums of an account. A position starts with cost and realised PnL of 0. A fill of notional n changes their sum
|cost| + |gross_realised| by at most n, because what it closes moves from one to the other. The account shard books no
fill that would bring this sum, or the sum of the commissions, above B, and charges no borrow fee above B. The sums of
funding and of dividends are cut at B / 100. So over N positions each sum is at most N * B = 1e19 units, and cash, which
is the opening cash (at most B) and all these flows, is at most 3.02e19 + 1e15 units. The value of all positions is cut
at V, because only marks decide it. Equity is then below 5e19 units and a drawdown, the difference of two equities,
below 1e20 units: 38 digits.

An order is refused long before (AMOUNT_RANGE): where the booked sum and the exposure of its instrument would come above
ENTRY_MAX, a hundredth of B. So a fill is above the bound only if its price has risen a hundredfold since.

Positions. An order is refused that could bring the position, with all working orders of its side filled, above P.
Only a split can bring more: a working order that it takes out of range is canceled, and a position is paid out in cash.

Other numbers that only describe (average prices, buying power, sizes ahead in a queue) are cut at the ends of their
types.
"""

from typing import Final

from schemas.records.numbers import MONEY_SCALE, NANOS_PER_DAY, NANOS_PER_S, PRICE_MAX, PRICE_SCALE

TIME_MAX_NS: Final = 7_258_118_400 * NANOS_PER_S
"""The latest time that is taken, 2200-01-01 UTC."""
AHEAD_MAX_NS: Final = NANOS_PER_DAY
"""Furthest time of market data after the broker's time of their record, and of a heartbeat after the market's time."""
ID_CHARS_MAX: Final = 1_000
"""Longest id, symbol or name of a client; ids that the pipeline makes are put together from several."""
TEXT_CHARS_MAX: Final = 10_000
"""Longest text. An output repeats at most 13 texts, so it has below 520 kB in UTF-8, half of what its topic takes."""
UPDATES_MAX: Final = 10_000
"""Most updates in a record of market data."""
SPLIT_MAX: Final = 1_000_000
"""Most shares of either side of a split."""
INSTRUMENTS_MAX: Final = 10_000
"""Most instruments in the reference data."""
BOOKED_MAX: Final = 10**15 * MONEY_SCALE
"""Most that a position has booked in cost and realised PnL, and in commissions, and most opening cash, 1e-18."""
PAYMENTS_MAX: Final = BOOKED_MAX // 100
"""Most that a position has received or paid in funding, and in dividends, 1e-18 of the account's currency."""
FUNDING_RATE_MAX: Final = PRICE_SCALE
"""Highest rate of one funding payment in either direction, 1e-9: the whole value of the position."""
ENTRY_MAX: Final = BOOKED_MAX // 100
"""Most that an order's instrument may come to, in what is booked and exposed, 1e-18 of the account's currency."""
VALUE_MAX: Final = INSTRUMENTS_MAX * BOOKED_MAX
"""Most that an account's positions are valued at, 1e-18 of the account's currency."""
FEE_AMOUNT_MAX: Final = 1_000_000
"""Most that a fee model charges for a unit, a fill or an order, in units of the currency."""
SPAN_MAX_MS: Final = 100 * 366 * 24 * 3_600_000
"""Longest window, wait or age in the configuration, a hundred years."""
COUNT_MAX: Final = 1_000_000_000
"""Largest count in the configuration."""
LATENCY_MAX_MS: Final = 3_600_000
"""Longest latency of a simulator, an hour."""


def within(number: int, most: int) -> int:
    """Returns the number, or the nearest end of the range from -most to most."""
    return most if number > most else max(number, -most)


def as_price(number: int) -> int:
    """Returns a number of 1e-9 cut at the ends of decimal(18, 9)."""
    return within(number, PRICE_MAX)
