"""Queue models: how far an order moves up in its queue if the displayed size shrinks without a trade.

Sources: the queue models of nkaz001/hftbacktest; Rigtorp, "Estimating order queue position" (2013).
"""

from collections.abc import Sequence
from decimal import Context
from functools import cache
from typing import Annotated, ClassVar, Protocol

from pydantic import Field

from schemas.records.numbers import PRICE_SCALE
from streams.core.simulators.model import Model
from streams.core.simulators.venue_order import VenueOrder

Share = tuple[int, int]
"""Numerator and denominator of a probability."""
_EXACT = Context(prec=28)


class QueueModel(Protocol):
    """The interface of queue models. The probability is within 0 and 1 and depends on the two sizes alone."""

    def from_behind(self, before: int, behind: int) -> Share:
        """Returns the probability that a unit that left was behind the order; sizes in 1e-9 units, not both 0."""
        ...

    def describe(self) -> str:
        """Returns the name and the parameters."""
        ...


class RiskAverse(Model):
    """All departures are behind the order: only trades move it up, and a level that shrinks below its place."""

    model: ClassVar[str] = "risk-averse"

    def from_behind(self, before: int, behind: int) -> Share:
        return 1, 1


class Power(Model):
    """Probability behind^n / (behind^n + before^n): a large n puts departures in the longer part of the queue."""

    model: ClassVar[str] = "power"
    n: Annotated[int, Field(ge=1, le=10)] = 3

    def from_behind(self, before: int, behind: int) -> Share:
        weight: int = behind**self.n
        total: int = weight + before**self.n
        return weight, total


class Log(Model):
    """Probability ln(1 + behind) / (ln(1 + behind) + ln(1 + before)), sizes in units."""

    model: ClassVar[str] = "log"

    def from_behind(self, before: int, behind: int) -> Share:
        weight = _log_of_one_more(behind)
        return weight, weight + _log_of_one_more(before)


@cache
def _log_of_one_more(size: int) -> int:
    """Returns ln(1 + size) in 1e-18, size in 1e-9 units; in decimal arithmetic, so that all machines agree."""
    units = _EXACT.divide(_EXACT.create_decimal(size + PRICE_SCALE), _EXACT.create_decimal(PRICE_SCALE))
    return int(_EXACT.scaleb(_EXACT.ln(units), 18))


MODELS: Sequence[type[Model]] = (RiskAverse, Power, Log)


def join_queue(order: VenueOrder, displayed: int | None) -> None:
    """Places the order behind the displayed size at its price; None if that size is not visible."""
    order.queue_ahead = order.level_size = displayed
    order.level_traded = 0
    if order.queue_entry is None:
        order.queue_entry = displayed


def see_trade(order: VenueOrder, size: int) -> None:
    """Takes the size of a trade at the order's price from the front of the queue."""
    order.level_traded += size
    if order.queue_ahead is not None:
        order.queue_ahead = max(order.queue_ahead - size, 0)


def see_level(order: VenueOrder, displayed: int | None, model: QueueModel) -> None:
    """Updates the order's place from the displayed size at its price; see_trade has counted the trades since."""
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
