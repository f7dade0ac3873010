"""Instruments in fixed point, with their trading hours."""

from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from schemas.records.numbers import NANOS_PER_S, PRICE_SCALE, divide_half_even, to_price
from streams.core.reference.calendars import day_end_after_ns, is_open
from streams.core.reference.declarations import InstrumentConfig
from streams.core.reference.margin_tables import MaintenanceMargin


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument. tick_size: 1e-9 of the currency; quantities: 1e-9 units; borrow_rate: 1e-9 of the value per year;
    margin_rate: 1e-9 of the value; contract_multiplier: 1e-9 units of the underlying in a contract; expires_ns: UTC
    nanoseconds, None for never."""

    symbol: str
    currency: str
    tick_size: int
    lot_size: int
    min_quantity: int
    max_quantity: int
    borrow_rate: int
    timezone: ZoneInfo
    day_start: time | None
    day_end: time | None
    calendar: str | None
    tradable: bool
    margin_rate: int
    contract_multiplier: int = PRICE_SCALE
    expires_ns: int | None = None
    maintenance: MaintenanceMargin | None = None

    @classmethod
    def from_config(cls, config: InstrumentConfig) -> "Instrument":
        """Converts a declared instrument to fixed point."""
        return cls(
            symbol=config.symbol,
            currency=config.currency,
            tick_size=to_price(config.tick_size),
            lot_size=to_price(config.lot_size),
            min_quantity=to_price(config.min_quantity),
            max_quantity=to_price(config.max_quantity),
            borrow_rate=to_price(config.borrow_rate),
            timezone=ZoneInfo(config.timezone),
            day_start=config.day_start,
            day_end=config.day_end,
            calendar=config.calendar,
            tradable=config.tradable,
            margin_rate=to_price(config.margin_rate),
            contract_multiplier=to_price(config.contract_multiplier),
            maintenance=None if config.margin_table is None else MaintenanceMargin(config.margin_table),
            expires_ns=None if config.expires_at is None else int(config.expires_at.timestamp()) * NANOS_PER_S,
        )

    def notional(self, quantity: int, price: int) -> int:
        """Returns the value of a quantity at a price (both 1e-9), half even to 1e-18 of the currency."""
        return multiplied(quantity * price, self.contract_multiplier)

    def day_end_after_ns(self, time_ns: int) -> int:
        """Returns the first end of a trading day strictly after time_ns (UTC nanoseconds)."""
        return day_end_after_ns(time_ns, self.timezone, self.day_end, self.calendar)

    def is_expired(self, time_ns: int) -> bool:
        """Returns whether trading in the instrument has ended for good at a time, UTC nanoseconds."""
        return self.expires_ns is not None and time_ns >= self.expires_ns

    def is_open(self, time_ns: int) -> bool:
        """Returns whether a time (UTC nanoseconds) is within the instrument's trading hours."""
        return is_open(time_ns, self.timezone, self.day_start, self.day_end, self.calendar)


def multiplied(value: int, multiplier: int) -> int:
    """Returns a product of quantity and price (1e-18) for contracts of a multiplier (1e-9), half even to 1e-18."""
    return value if multiplier == PRICE_SCALE else divide_half_even(value * multiplier, PRICE_SCALE)
