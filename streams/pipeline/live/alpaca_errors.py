"""Errors of Alpaca's streams in words: what was refused, and what to do.

Codes: https://docs.alpaca.markets/docs/streaming-market-data#errors.
"""

from collections.abc import Mapping
from typing import Any

from streams.errors import FeedError
from streams.pipeline.live.alpaca_keys import KEY_NAME, SECRET_NAME

TEXT_CHARS = 200
REMEDIES = {
    "auth failed": f"check {KEY_NAME} and {SECRET_NAME}; a reset of the paper account makes them invalid",
    "connection limit exceeded": "a key has one connection to a stream: end the other program that uses it",
    "insufficient subscription": "the key's plan has not this feed; choose another by --url, or another plan",
    "symbol limit exceeded": "the plan allows no more symbols at a time (30 on the free one); feed fewer",
    "invalid syntax": "Alpaca takes no such symbol; stocks are written AAPL, coins BTC/USD",
    "slow client": "the feed did not read fast enough; feed fewer symbols, or on a faster machine",
}
"""The remedy, by Alpaca's own text of the error."""
OF_SYMBOLS = {400, 405, 409, 410}
"""Codes that refuse the symbols of one request; the connection and what it was subscribed to before stay."""


class AlpacaRefusal(Exception):
    """Alpaca refused a request or ended the connection; the text says why, and what to do."""


def refusal_of(message: Mapping[str, Any]) -> AlpacaRefusal:
    """Returns the refusal that a message of the type error tells."""
    text = str(message.get("msg", "no reason given"))[:TEXT_CHARS]
    return AlpacaRefusal(f"{_with_remedy(text)} (Alpaca's code {str(message.get('code'))[:8]})")


def refusal_at_start(error: Exception) -> AlpacaRefusal:
    """Returns the refusal behind an error of alpaca-py while it connects and authenticates."""
    return AlpacaRefusal(_with_remedy(" ".join(str(error).split())[:TEXT_CHARS] or type(error).__name__))


def _with_remedy(text: str) -> str:
    remedy = REMEDIES.get(text)
    return f"{text}: {remedy}" if remedy else text


def told_by_alpaca(error: BaseException) -> str:
    """Returns what went wrong, in one line."""
    text = " ".join(str(error).split())[:TEXT_CHARS]
    if isinstance(error, AlpacaRefusal):
        return f"alpaca: {error}"
    if isinstance(error, TimeoutError):
        return f"alpaca does not answer in time: {text or 'no word'}"
    if isinstance(error, OSError):
        return f"alpaca can't be reached: {text}"
    return f"alpaca: {type(error).__name__}: {text}"


def alpaca_error(error: BaseException) -> FeedError:
    """Returns the error that tells a user why Alpaca can't be opened."""
    told = told_by_alpaca(error)
    if isinstance(error, AlpacaRefusal):
        return FeedError(told)
    return FeedError(f"{told}; check the network and https://status.alpaca.markets")
