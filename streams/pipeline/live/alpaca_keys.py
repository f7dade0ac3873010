"""The keys and the addresses of Alpaca that a user gives."""

from collections.abc import Mapping, Sequence

from streams.errors import FeedError

ALPACA_VENUE = "alpaca"
KEY_NAME, SECRET_NAME = "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"
"""Variables of the environment, as Alpaca's own tools name them."""


def demand_keys(environment: Mapping[str, str]) -> tuple[str, str]:
    """Returns key and secret. Raises FeedError if one is missing."""
    missing = [name for name in (KEY_NAME, SECRET_NAME) if not environment.get(name)]
    if missing:
        raise FeedError(
            f"alpaca: {' and '.join(missing)} not set in the environment; an account at https://app.alpaca.markets, "
            "free for paper trading, shows its API keys"
        )
    return environment[KEY_NAME], environment[SECRET_NAME]


def demand_addresses(urls: Mapping[str, str], names: Sequence[str], scheme: str) -> None:
    """Demands that addresses have known names, and a scheme (ws or http) with or without TLS. Raises FeedError."""
    for name, address in urls.items():
        if name not in names:
            raise FeedError(f"alpaca has no address {name} here: use {' or '.join(names)}")
        if not address.startswith((f"{scheme}://", f"{scheme}s://")):
            raise FeedError(f"address {address!r} for {name}: must begin with {scheme}:// or {scheme}s://")
