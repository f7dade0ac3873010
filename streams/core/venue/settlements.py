"""The rule of settlements in market data: they come after the expiry that the reference data declare."""

from schemas.records.messages import MarketData
from schemas.records.output import RecordRefused
from streams.core.market.market_data import SETTLEMENT
from streams.core.reference.instruments import Instrument


def check_settlements(record: MarketData, instrument: Instrument | None, record_time_ns: int | None) -> None:
    """Checks that no settlement of a record comes before its instrument has expired. Raises RecordRefused.

    record_time_ns: the broker's time, UTC nanoseconds, if that moves the venue's clock; None if market time does.
    """
    if instrument is None or instrument.expires_ns is None:
        text = f"settlement of {record.symbol}: the reference data declare no expires_at of it; declare it first"
        raise RecordRefused("NOT_EXPIRED", text)
    first_ns = int(record.times[record.kinds.index(SETTLEMENT)])
    at_ns = first_ns if record_time_ns is None else min(first_ns, record_time_ns)
    if not instrument.is_expired(at_ns):
        text = (
            f"settlement of {record.symbol} at {at_ns}: it expires at {instrument.expires_ns}; send the settlement "
            "price after that, or correct expires_at"
        )
        raise RecordRefused("NOT_EXPIRED", text)
