"""What measures for a breaker: it takes the events it listens to, and says when the threshold is reached."""

from typing import Any, NamedTuple, Protocol

from schemas.records.numbers import PRICE_SCALE, price_text

MS_PER_S = 1_000


class Breach(NamedTuple):
    """The threshold was reached: decimal texts, the window they were seen in, and the observation in words."""

    observed: str
    limit: str
    window: str
    what: str


class Meter(Protocol):
    """Measures always, also while its breaker is open; a reset starts afresh from what is now."""

    def reset(self) -> None:
        """Forgets what led to the breach; peaks and baselines start from the last observation."""
        ...

    def to_state(self) -> Any:
        """JSON-able form."""
        ...

    def load(self, state: Any) -> None:
        """Takes what to_state gave."""
        ...


def span_text(span_ms: int) -> str:
    """A window of event time in words."""
    return f"{price_text(span_ms * PRICE_SCALE // MS_PER_S)} s"


def ceiling(numerator: int, denominator: int) -> int:
    """Quotient rounded up."""
    return -(-numerator // denominator)
