"""Queue models: when the displayed size at an order's price shrinks without a trade, who left, those before or behind?

Source: the queue models of nkaz001/hftbacktest; Rigtorp, "Estimating order queue position" (2013).
"""

from collections.abc import Sequence
from decimal import Context
from functools import cache
from typing import Annotated, ClassVar, Protocol

from pydantic import Field

from schemas.records.numbers import PRICE_SCALE
from streams.core.simulators.model import Part
from streams.core.simulators.venue_order import VenueOrder

Share = tuple[int, int]
"""Numerator and denominator of a probability."""
_EXACT = Context(prec=28)


class QueueModel(Protocol):
    """Contract: a probability 0 <= p <= 1, a function of the two sizes alone."""

    def from_behind(self, before: int, behind: int) -> Share:
        """Probability that a unit that left stood behind the order; sizes in 1e-9 units, not both 0."""
        ...

    def describe(self) -> str:
        """Name and parameters."""
        ...


class RiskAverse(Part):
    """Whoever leaves stood behind: only trades move the order forward, and a level that shrank below its place."""

    model: ClassVar[str] = "risk-averse"

    def from_behind(self, before: int, behind: int) -> Share:
        return 1, 1


class Power(Part):
    """p = behind^n / (behind^n + before^n): large n sends departures to the longer part of the queue."""

    model: ClassVar[str] = "power"
    n: Annotated[int, Field(ge=1, le=10)] = 3

    def from_behind(self, before: int, behind: int) -> Share:
        weight: int = behind**self.n
        total: int = weight + before**self.n
        return weight, total


class Log(Part):
    """p = ln(1 + behind) / (ln(1 + behind) + ln(1 + before)), sizes in units."""

    model: ClassVar[str] = "log"

    def from_behind(self, before: int, behind: int) -> Share:
        weight = _log_of_one_more(behind)
        return weight, weight + _log_of_one_more(before)


@cache
def _log_of_one_more(size: int) -> int:
    """ln(1 + size) in 1e-18, size in 1e-9 units; decimal arithmetic, so that every machine finds the same."""
    units = _EXACT.divide(_EXACT.create_decimal(size + PRICE_SCALE), _EXACT.create_decimal(PRICE_SCALE))
    return int(_EXACT.scaleb(_EXACT.ln(units), 18))


PARTS: Sequence[type[Part]] = (RiskAverse, Power, Log)


def join_queue(order: VenueOrder, displayed: int | None) -> None:
    """The order takes its place behind what the market shows at its price; None where that can't be seen."""
    order.queue_ahead = order.level_size = displayed
    order.level_traded = 0
    if order.queue_entry is None:
        order.queue_entry = displayed


def see_trade(order: VenueOrder, size: int) -> None:
    """A trade at the order's price took size from the front of the queue."""
    order.level_traded += size
    if order.queue_ahead is not None:
        order.queue_ahead = max(order.queue_ahead - size, 0)


def see_level(order: VenueOrder, displayed: int | None, model: QueueModel) -> None:
    """The market shows another size at the order's price; what trades took of it has been counted already."""
    if displayed is None:
        order.level_size, order.level_traded = None, 0
        return
    ahead, seen = order.queue_ahead, order.level_size
    if ahead is None:
        join_queue(order, displayed)
        return
    if seen is not None and displayed < seen:
        left = max(seen - displayed - order.level_traded, 0)
        behind = max(seen - order.level_traded - ahead, 0)
        if left and ahead + behind:
            share, total = model.from_behind(ahead, behind)
            from_behind = min(left * share // total, behind)
            ahead -= min(left - from_behind, ahead)
    order.queue_ahead = min(ahead, displayed)
    order.level_size, order.level_traded = displayed, 0
