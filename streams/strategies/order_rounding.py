"""The rule by which a strategy's prices and quantities come to ticks and lots.

Rounding never makes an order larger, and never lets it trade at a worse price or sooner than it was told:

| number | BUY | SELL |
|---|---|---|
| price | down | up |
| stop price of STOP, STOP_LIMIT and TRAILING_STOP | up | down |
| stop price of MARKET_IF_TOUCHED | down | up |
| trailing offset in the currency | up | up |
| quantity, display quantity | down | down |

What rounds to nothing is an error, and so is a quantity outside the instrument's bounds.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

from schemas.records.enums import OffsetType, OrderType, Side
from schemas.records.numbers import PRICE_MAX, PRICE_SCALE, price_text
from streams.core.reference.instruments import Instrument
from streams.errors import InputError

Number = Decimal | float | int | str


def exact(value: Number, name: str) -> Decimal:
    """Returns a number as a decimal; a float as the shortest text that means it. Raises InputError if it is none."""
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise InputError(f"{name} {value!r}: it is no number; give a Decimal, float, int or text") from error
    if not number.is_finite() or abs(number) * PRICE_SCALE > PRICE_MAX:
        raise InputError(f"{name} {value!r}: it must be finite and at most {price_text(PRICE_MAX)}")
    return number


def price_on_tick(value: Number, side: Side, instrument: Instrument) -> int:
    """Returns a limit price in 1e-9 of the currency, not worse than told. Raises InputError."""
    return _on_step(exact(value, "price"), instrument.tick_size, up=side is Side.SELL)


def stop_on_tick(value: Number, side: Side, order_type: OrderType, instrument: Instrument) -> int:
    """Returns a stop price in 1e-9 of the currency, not reached sooner than told. Raises InputError."""
    is_touched = order_type is OrderType.MARKET_IF_TOUCHED
    return _on_step(exact(value, "stop_price"), instrument.tick_size, up=(side is Side.BUY) != is_touched)


def offset_on_tick(value: Number, kind: OffsetType, instrument: Instrument) -> int:
    """Returns a trailing offset in 1e-9, rounded up to the tick, or as percent to 1e-9. Raises InputError."""
    return _on_step(exact(value, "trailing_offset"), 1 if kind is OffsetType.PERCENT else instrument.tick_size, up=True)


def quantity_in_lots(value: Number, instrument: Instrument, name: str = "quantity") -> int:
    """Returns a quantity in 1e-9 units, not larger than told. Raises InputError if it is not within the bounds."""
    quantity = _on_step(exact(value, name), instrument.lot_size, up=False)
    if quantity <= 0 or not instrument.min_quantity <= quantity <= instrument.max_quantity:
        raise InputError(
            f"{name} {value}: in lots of {price_text(instrument.lot_size)} it is {price_text(quantity)}, and "
            f"{instrument.symbol} takes from {price_text(instrument.min_quantity)} to "
            f"{price_text(instrument.max_quantity)}; change it"
        )
    return quantity


def _on_step(value: Decimal, step: int, up: bool) -> int:
    steps = (value * PRICE_SCALE / step).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR)
    return int(steps) * step
