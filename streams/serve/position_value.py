"""The value of a position at the last quote."""

from __future__ import annotations

from schemas.records.messages import Mark, PositionReport


def closing_price(position: PositionReport, quote: Mark | None) -> int | None:
    """Returns the price (1e-9) of the side of a quote that would close a position; None if there is none."""
    if quote is None:
        return None
    return quote.bid_px if position.quantity > 0 else quote.ask_px


def unrealised(position: PositionReport, quote: Mark | None) -> int | None:
    """Returns the unrealised result (1e-18 of the position's currency); None before the first quote."""
    price = closing_price(position, quote)
    if price is None or position.avg_px is None:
        return None
    return position.quantity * (price - position.avg_px)
