"""Rules that a market.data record keeps, and reading its columns."""

from operator import gt

from streams.domain.messages import MarketData
from streams.domain.numbers import PRICE_MAX
from streams.domain.quote import SIZE_UNKNOWN, Quote
from streams.domain.shard import RecordRefused

QUOTE = "Q"
TRADE = "T"
AGGRESSORS = frozenset("BS-")


def check_market_data(record: MarketData) -> None:
    """Raises RecordRefused where the columns don't fit each other or a number can't be one of a market."""
    quotes, trades = record.kinds.count(QUOTE), record.kinds.count(TRADE)
    if quotes + trades != len(record.kinds):
        raise _refused(record, "kinds holds letters other than Q and T")
    if len(record.times) != len(record.kinds):
        raise _refused(record, f"{len(record.kinds)} kinds but {len(record.times)} times")
    if record.times and record.times[0] <= 0:
        raise _refused(record, f"time {record.times[0]} is not after 1970")
    if any(map(gt, record.times, record.times[1:])):
        raise _refused(record, "times step back within the record")
    _check_columns(record, quotes, ("bid_px", "bid_sz", "ask_px", "ask_sz"))
    _check_columns(record, trades, ("trade_px", "trade_sz"))
    if len(record.aggressors) != trades or not AGGRESSORS.issuperset(record.aggressors):
        raise _refused(record, "aggressors needs one letter of B, S, - for each trade")
    if quotes:
        _check_side(record, "bid")
        _check_side(record, "ask")
    if trades and (min(record.trade_px) <= 0 or min(record.trade_sz) < 0):
        raise _refused(record, "a trade needs a positive price and a size of 0 or more")


def _check_columns(record: MarketData, rows: int, columns: tuple[str, ...]) -> None:
    for column in columns:
        values = getattr(record, column)
        if len(values) != rows:
            raise _refused(record, f"column {column} has {len(values)} rows where kinds asks for {rows}")
        if rows and max(values) > PRICE_MAX:
            raise _refused(record, f"column {column} holds a number above {PRICE_MAX}e-9")


def _check_side(record: MarketData, side: str) -> None:
    prices, sizes = getattr(record, f"{side}_px"), getattr(record, f"{side}_sz")
    if min(sizes) < SIZE_UNKNOWN:
        raise _refused(record, f"{side}_sz below {SIZE_UNKNOWN}")
    if min(prices) <= 0 and any(price <= 0 and size != 0 for price, size in zip(prices, sizes, strict=True)):
        raise _refused(record, f"{side}_px of 0 or less with a size; an absent side has size 0")


def _refused(record: MarketData, why: str) -> RecordRefused:
    return RecordRefused("MARKET_DATA_INVALID", f"market.data of {record.symbol} at {record.ts}: {why}")


def quote_at(record: MarketData, row: int, time_ns: int) -> Quote:
    """Quote in a row of the quote columns."""
    bid_sz, ask_sz = record.bid_sz[row], record.ask_sz[row]
    return Quote(record.bid_px[row], bid_sz, record.ask_px[row], ask_sz, time_ns, bid_sz, ask_sz)
