"""Queue models: how far an order moves up in its queue if the displayed size shrinks without a trade.

Sources: the queue models of nkaz001/hftbacktest; Rigtorp, "Estimating order queue position" (2013).
"""

from collections.abc import Sequence
from decimal import Context
from functools import cache
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.records.numbers import PRICE_SCALE
from streams.core.simulators.model import Model
from streams.core.simulators.queue_place import Share

_EXACT = Context(prec=28)


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
