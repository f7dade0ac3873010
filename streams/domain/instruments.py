"""Instruments in fixed point, and the end of their trading day."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from streams.domain.config import InstrumentConfig
from streams.domain.numbers import NANOS_PER_S, to_price


@dataclass(frozen=True, slots=True)
class Instrument:
    """tick_size, fee_per_unit: 1e-9 of the currency; quantities: 1e-9 units; rates: 1e-9 of the notional."""

    symbol: str
    currency: str
    tick_size: int
    lot_size: int
    min_quantity: int
    max_quantity: int
    maker_rate: int
    taker_rate: int
    fee_per_unit: int
    timezone: ZoneInfo
    day_end: time

    @classmethod
    def from_config(cls, config: InstrumentConfig) -> "Instrument":
        """Fixed-point form of a configured instrument."""
        return cls(
            symbol=config.symbol,
            currency=config.currency,
            tick_size=to_price(config.tick_size),
            lot_size=to_price(config.lot_size),
            min_quantity=to_price(config.min_quantity),
            max_quantity=to_price(config.max_quantity),
            maker_rate=to_price(config.fee.maker_rate),
            taker_rate=to_price(config.fee.taker_rate),
            fee_per_unit=to_price(config.fee.per_unit),
            timezone=ZoneInfo(config.timezone),
            day_end=config.day_end,
        )

    def day_end_after_ns(self, time_ns: int) -> int:
        """First end of a trading day strictly after time_ns (UTC nanoseconds)."""
        local = datetime.fromtimestamp(time_ns // NANOS_PER_S, UTC).astimezone(self.timezone)
        day = local.date()
        while True:
            end = datetime.combine(day, self.day_end, self.timezone)
            end_ns = int(end.timestamp()) * NANOS_PER_S
            if end_ns > time_ns:
                return end_ns
            day += timedelta(days=1)
