"""Leads an exchange of ccxt to other addresses: a proxy, a mirror, a test.

`rest` and `ws` are bases under which each address of the exchange keeps its host and path, so that markets which the
exchange keeps on different hosts stay apart: wss://stream.binance.com:9443/ws becomes BASE/stream.binance.com:9443/ws.
Any other key is the path of one address in ccxt's `urls['api']`, for example `ws.spot`; the address takes its place.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from streams.errors import FeedError

SCHEMES = {"rest": ("http://", "https://"), "ws": ("ws://", "wss://")}


def urls_of(pairs: Iterable[str]) -> dict[str, str]:
    """Returns the addresses of pairs NAME=URL. Raises FeedError if one is no pair."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, address = pair.partition("=")
        if not (name and sign and address):
            raise FeedError(f"address {pair!r}: must be NAME=URL, such as rest=http://127.0.0.1:8080")
        found[name] = address
    return found


def set_urls(venue: str, api: dict[str, Any], urls: Mapping[str, str]) -> None:
    """Replaces addresses in ccxt's `urls['api']`. Raises FeedError if a key or an address is none."""
    known = [path for path, _ in _addresses(api)]
    for key, address in urls.items():
        schemes = SCHEMES.get(key, SCHEMES["rest"] + SCHEMES["ws"])
        if not address.startswith(schemes):
            raise FeedError(f"address {address!r} for {key}: must begin with {' or '.join(schemes)}")
        if key in SCHEMES:
            for path, old in list(_addresses(api)):
                if old.startswith(SCHEMES[key]):
                    _set(api, path, f"{address.rstrip('/')}/{old.partition('://')[2]}")
        elif key in known:
            _set(api, key, address)
        else:
            near = get_close_matches(key, known) or known[:5]
            raise FeedError(f"{venue} has no address {key}: use rest, ws, or one of ccxt's, such as {', '.join(near)}")


def _addresses(api: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields the path and the text of each address."""
    for name, value in api.items():
        if isinstance(value, Mapping):
            yield from _addresses(value, f"{prefix}{name}.")
        elif isinstance(value, str):
            yield f"{prefix}{name}", value


def _set(api: dict[str, Any], path: str, address: str) -> None:
    *folders, name = path.split(".")
    for folder in folders:
        api = api[folder]
    api[name] = address
