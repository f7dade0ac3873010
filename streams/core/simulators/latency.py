"""Latency models: market time from sending a request to its arrival at the venue."""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Context, Decimal
from functools import cached_property
from statistics import NormalDist
from typing import Annotated, ClassVar, Protocol, Self

from pydantic import Field, model_validator

from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import NANOS_PER_MS
from streams.core.simulators.draws import DRAW_RANGE, below, draws
from streams.core.simulators.model import Part

Milliseconds = Annotated[Decimal, Field(ge=0, le=3_600_000)]
_EXACT = Context(prec=28)


class LatencyModel(Protocol):
    """Contract: nanoseconds >= 0, a function of the run's seed, the request and its time alone."""

    def latency_ns(self, run_seed: int, request: ApprovedOrder, sent_ns: int) -> int:
        """How long a request that was sent at sent_ns (UTC nanoseconds) travels."""
        ...

    def most_ns(self) -> int:
        """No request travels longer."""
        ...

    def describe(self) -> str:
        """Name and parameters."""
        ...


class Constant(Part):
    """The same for every request."""

    model: ClassVar[str] = "constant"
    ms: Milliseconds = Decimal(5)

    @cached_property
    def _ns(self) -> int:
        return _nanos(self.ms)

    def latency_ns(self, run_seed: int, request: ApprovedOrder, sent_ns: int) -> int:
        return self._ns

    def most_ns(self) -> int:
        return self._ns


class Uniform(Part):
    """Drawn for each request, uniform between min_ms and max_ms."""

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
        return low + below(_draw(run_seed, request), high - low + 1)

    def most_ns(self) -> int:
        return _nanos(self.max_ms)


class Lognormal(Part):
    """Drawn for each request: median_ms * e^(sigma * Z), Z standard normal, and never more than max_ms."""

    model: ClassVar[str] = "lognormal"
    median_ms: Annotated[Decimal, Field(gt=0, le=3_600_000)]
    sigma: Annotated[Decimal, Field(ge=0, le=5)]
    max_ms: Milliseconds = Decimal(1_000)

    def latency_ns(self, run_seed: int, request: ApprovedOrder, sent_ns: int) -> int:
        share = (_draw(run_seed, request) + 0.5) / DRAW_RANGE
        # Rounded before it is used: the last digits of a float may differ from machine to machine.
        z = Decimal(f"{NormalDist().inv_cdf(share):.9f}")
        drawn = _EXACT.multiply(self.median_ms, _EXACT.exp(_EXACT.multiply(self.sigma, z)))
        return _nanos(min(drawn, self.max_ms))

    def most_ns(self) -> int:
        return _nanos(self.max_ms)


class Recorded(Part):
    """What was measured: the newest measurement at or before the request's time, before all of them the first.

    times_ns: UTC nanoseconds, rising; latencies_ns: of the same length.
    """

    model: ClassVar[str] = "recorded"
    times_ns: tuple[int, ...] = Field(min_length=1)
    latencies_ns: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)

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


PARTS: Sequence[type[Part]] = (Constant, Uniform, Lognormal, Recorded)


def _nanos(ms: Decimal) -> int:
    return int(ms * NANOS_PER_MS)


def _draw(run_seed: int, request: ApprovedOrder) -> int:
    return draws(run_seed, request.account_id, request.order_id)[0]
