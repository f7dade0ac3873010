"""Instruments as an exchange defines them: steps, bounds and fees from ccxt's list of its markets, or from Alpaca."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from infra.build.extras import LIVE, bring
from schemas.records.bounds import TIME_MAX_NS
from schemas.records.numbers import NANOS_PER_MS, PRICE_MAX, plain, price_to_decimal
from streams.core.reference.declarations import FeeConfig, InstrumentConfig
from streams.errors import FeedError
from streams.pipeline.feed.infer_instruments import QUANTITY_MAX
from streams.pipeline.live.alpaca_instruments import alpaca_instruments_of
from streams.pipeline.live.alpaca_keys import ALPACA_VENUE
from streams.pipeline.live.ccxt_exchange import known_symbols, listing_of
from streams.pipeline.live.find_source import demand_exchange
from streams.pipeline.live.listed_instrument import ListedInstrument
from streams.pipeline.live.update_checks import number_of
from streams.pipeline.live.update_refusals import RefusedUpdate

EXPIRY_MAX_MS = TIME_MAX_NS // NANOS_PER_MS


async def instruments_of(venue: str, symbols: Sequence[str], urls: Mapping[str, str]) -> list[ListedInstrument]:
    """Fetches the definitions of symbols.

    urls: see ccxt_urls and alpaca_instruments.

    Raises:
        FeedError: the venue or a symbol is unknown, the venue can't be reached, or a contract is settled in a currency
            that is not that of its price.
    """
    if venue == ALPACA_VENUE:
        return await alpaca_instruments_of(symbols, urls)
    bring(LIVE)
    demand_exchange(venue)
    async with listing_of(venue, urls) as exchange:
        names = known_symbols(venue, exchange.markets, symbols)
        return [listed_instrument(venue, exchange.markets[name], exchange.precisionMode) for name in names]


def listed_instrument(venue: str, market: Mapping[str, Any], precision_mode: int) -> ListedInstrument:
    """Converts a market as ccxt defines it. Raises FeedError if it can't be traded on paper."""
    symbol = market["symbol"]
    if market.get("inverse") or (market.get("contract") and market.get("settle") != market["quote"]):
        raise FeedError(
            f"{venue} {symbol}: a contract priced in {market['quote']} and settled in "
            f"{market.get('settle')}; paper trading knows contracts that are settled in the currency of their price: "
            "choose a linear one"
        )
    try:
        return _converted(symbol, market, precision_mode)
    except (RefusedUpdate, ValueError) as error:
        raise FeedError(f"{venue} {symbol}: the venue's definition can't be used: {error}") from error


def _converted(symbol: str, market: Mapping[str, Any], precision_mode: int) -> ListedInstrument:
    """Returns the instrument. Raises RefusedUpdate or ValueError if a number is missing or out of range."""
    limits, precision = market["limits"], market["precision"]
    lot = _step(precision.get("amount"), precision_mode)
    multiplier = number_of(market["contractSize"], "contract size") if market.get("contract") else Decimal(1)
    most = number_of(limits["amount"].get("max"), "limit") or price_to_decimal(QUANTITY_MAX)
    most = min(most, price_to_decimal(PRICE_MAX) // max(multiplier, Decimal(1)))
    maker, taker = (Decimal(repr(market.get(name) or 0.0)) for name in ("maker", "taker"))
    instrument = InstrumentConfig(
        symbol=symbol,
        currency=market["quote"],
        tick_size=_step(precision.get("price"), precision_mode),
        lot_size=lot,
        min_quantity=max(number_of(limits["amount"].get("min"), "limit"), lot),
        max_quantity=most,
        contract_multiplier=multiplier,
        expires_at=_expiry(market.get("expiry")),
        fee=FeeConfig.model_validate(
            {"model": "rates", "maker_rate": plain(max(maker, Decimal(0))), "taker_rate": plain(taker)}
        ),
    )
    remarks = []
    if least := number_of(limits.get("cost", {}).get("min"), "limit"):
        remarks.append(f"the venue takes no order below {plain(least)} {market['quote']}; paper trading does")
    if maker < 0:
        remarks.append(f"the venue pays makers {plain(-maker)} of the value; paper trading pays nothing")
    return ListedInstrument(instrument, tuple(remarks))


def _expiry(expiry_ms: object) -> datetime | None:
    """Returns when a future expires, from ccxt's milliseconds, in whole seconds. Raises ValueError if it is no time."""
    if expiry_ms is None:
        return None
    if not isinstance(expiry_ms, int) or not 0 < expiry_ms < EXPIRY_MAX_MS:
        raise ValueError(f"its expiry {str(expiry_ms)[:40]} is no time in milliseconds")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=expiry_ms // 1_000)


def _step(value: object, precision_mode: int) -> Decimal:
    """Returns a step from ccxt's precision. Raises ValueError if it is none."""
    import ccxt

    number = number_of(value, "precision")
    if precision_mode == ccxt.DECIMAL_PLACES and value is not None:
        return Decimal(1).scaleb(-int(number))
    if precision_mode != ccxt.TICK_SIZE or not number:
        raise ValueError(f"its precision {value} is no step of price or quantity")
    return number
