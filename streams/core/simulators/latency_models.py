"""Latency models: market time between the sending of a request and its arrival at the venue."""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Context, Decimal
from functools import cached_property
from statistics import NormalDist
from typing import Annotated, ClassVar, Protocol, Self

from pydantic import Field, model_validator

from schemas.records.bounds import LATENCY_MAX_MS
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_MS
from streams.core.simulators.model import Model
from streams.core.simulators.seeded_draws import DRAW_RANGE, draw_below, draws

Milliseconds = Annotated[Decimal, Field(ge=0, le=LATENCY_MAX_MS)]
_EXACT = Context(prec=28)


class LatencyModel(Protocol):
    """The interface of latency models. A latency is >= 0 and depends on run seed, request and time alone."""

    def latency_ns(self, run_seed: int, request: ApprovedOrder, sent_ns: int) -> int:
        """Returns the latency in nanoseconds of a request that was sent at sent_ns (UTC nanoseconds)."""
        ...

    def most_ns(self) -> int:
        """Returns the longest latency of any request, in nanoseconds."""
        ...

    def describe(self) -> str:
        """Returns the name and the parameters."""
        ...


class Constant(Model):
    """The same latency for every request."""

    model: ClassVar[str] = "constant"
    ms: Milliseconds = Decimal(5)

    @cached_property
    def _ns(self) -> int:
        return _nanos(self.ms)

    def latency_ns(self, run_seed: int, request: ApprovedOrder, sent_ns: int) -> int:
        return self._ns

    def most_ns(self) -> int:
        return self._ns


class Uniform(Model):
    """A latency drawn for each request, uniform between min_ms and max_ms."""

    model: ClassVar[str] = "uniform"
    min_ms: Milliseconds = Decimal(0)
    max_ms: Milliseconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_ms > self.max_ms:
            raise ValueError(f"min_ms {self.min_ms} is above max_ms {self.max_ms}")
        return self

    def latency_ns(self, run_seed: int, request: ApprovedOrder, sent_ns: int) -> int:
        low, high = _nanos(self.min_ms), _nanos(self.max_ms)
        return low + draw_below(_draw(run_seed, request), high - low + 1)

    def most_ns(self) -> int:
        return _nanos(self.max_ms)


class Lognormal(Model):
    """A latency drawn for each request: median_ms * e^(sigma * Z), Z standard normal, and at most max_ms."""

    model: ClassVar[str] = "lognormal"
    median_ms: Annotated[Decimal, Field(gt=0, le=LATENCY_MAX_MS)]
    sigma: Annotated[Decimal, Field(ge=0, le=5)]
    max_ms: Milliseconds = Decimal(1_000)

    def latency_ns(self, run_seed: int, request: ApprovedOrder, sent_ns: int) -> int:
        share = (_draw(run_seed, request) + 0.5) / DRAW_RANGE
        # Round before use: the last digits of a float may differ from machine to machine.
        z = Decimal(f"{NormalDist().inv_cdf(share):.9f}")
        drawn = _EXACT.multiply(self.median_ms, _EXACT.exp(_EXACT.multiply(self.sigma, z)))
        return _nanos(min(drawn, self.max_ms))

    def most_ns(self) -> int:
        return _nanos(self.max_ms)


class Recorded(Model):
    """Measured latencies: the newest one at or before the request's time, or the first one if all are later.

    times_ns: UTC nanoseconds, rising; latencies_ns: one for each time.
    """

    model: ClassVar[str] = "recorded"
    times_ns: tuple[int, ...] = Field(min_length=1)
    latencies_ns: tuple[Annotated[int, Field(ge=0, le=LATENCY_MAX_MS * NANOS_PER_MS)], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.times_ns) != len(self.latencies_ns):
            raise ValueError(f"{len(self.times_ns)} times_ns but {len(self.latencies_ns)} latencies_ns")
        if list(self.times_ns) != sorted(set(self.times_ns)):
            raise ValueError("times_ns must rise")
        return self

    def latency_ns(self, run_seed: int, request: ApprovedOrder, sent_ns: int) -> int:
        return self.latencies_ns[max(bisect_right(self.times_ns, sent_ns) - 1, 0)]

    def most_ns(self) -> int:
        return max(self.latencies_ns)

    def describe(self) -> str:
        return f"{self.model}({len(self.times_ns)} measurements)"


MODELS: Sequence[type[Model]] = (Constant, Uniform, Lognormal, Recorded)


def _nanos(ms: Decimal) -> int:
    return int(ms * NANOS_PER_MS)


def _draw(run_seed: int, request: ApprovedOrder) -> int:
    return draws(run_seed, request.account_id, request.order_id)[0]
