"""Our own reasons to give up a subscription; and errors of ccxt in words: what the venue refused, and what to do."""

from typing import Any

from streams.errors import FeedError

RETRY_AFTER_MAX_S = 300.0
TEXT_MAX = 200
GEO_BLOCKED = ("451", "403")


class Disagreement(Exception):
    """The book of a symbol has not shown the venue's best prices for a while."""


class MissingTrades(Exception):
    """Trades did not come although the connection holds."""


def told_by(venue: str, error: BaseException) -> str:
    """Returns what went wrong at a venue, in one line."""
    import ccxt

    text = " ".join(str(error).split())[:TEXT_MAX]
    if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        return f"{venue} limits the rate of requests from this address: {text}"
    if isinstance(error, ccxt.NetworkError | ccxt.ExchangeError) and any(
        f" {code} " in f" {text} " for code in GEO_BLOCKED
    ):
        return f"{venue} refuses this address, as venues do by country (HTTP 451 or 403): {text}"
    if isinstance(error, ccxt.ChecksumError):
        return f"{venue} left a gap in the sequence of the book"
    if isinstance(error, ccxt.RequestTimeout):
        return f"{venue} does not answer in time: {text}"
    if isinstance(error, ccxt.NetworkError):
        return f"{venue} can't be reached: {text}"
    return f"{venue}: {type(error).__name__}: {text}"


def feed_error(venue: str, error: BaseException) -> FeedError:
    """Returns the error that tells a user why a venue can't be opened, with the remedy."""
    import ccxt

    told = told_by(venue, error)
    if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        return FeedError(f"{told}; wait some minutes before the next start")
    if "by country" in told:
        return FeedError(f"{told}; choose a venue that serves your country")
    return FeedError(f"{told}; check the network and the venue's status page")


def retry_after_s(exchange: Any, error: BaseException) -> float:
    """Returns the seconds that a venue which limits the rate asks to wait; 0 if it asks nothing."""
    import ccxt

    if not isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        return 0.0
    headers = {str(name).lower(): value for name, value in dict(exchange.last_response_headers or {}).items()}
    told = str(headers.get("retry-after", ""))
    return min(float(told), RETRY_AFTER_MAX_S) if told.isdecimal() and len(told) < 10 else 0.0
