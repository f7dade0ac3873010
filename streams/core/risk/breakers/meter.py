"""Meters measure for breakers: a meter takes the events of its kind and reports when the threshold is reached.

The base class of a meter says which events it hears. A meter also measures while its breaker is open.
"""

from typing import Any, NamedTuple

from schemas.records.enums import Side
from schemas.records.numbers import PRICE_SCALE, money_text, price_text
from streams.core.risk.windows import Window

MS_PER_S = 1_000


class Breach(NamedTuple):
    """A threshold that was reached: decimal texts, the window of the observation, and the observation in words.

    floored: the observation in words that name the level and its floor; empty for what has no floor.
    """

    observed: str
    limit: str
    window: str
    what: str
    floored: str = ""


class FillFacts(NamedTuple):
    """The facts of a fill that meters look at.

    trip: PnL of the round trip that the fill ended, 1e-18; None if it ended none. stopped_out: the fill is the first of
    a stop order. slippage_mid, slippage_arrival: how much worse than the benchmark, 1e-9 of the currency; None without
    a benchmark.
    """

    symbol: str
    side: Side
    price: int
    trip: int | None
    stopped_out: bool
    slippage_mid: int | None
    slippage_arrival: int | None


class Meter:
    """A measurement with its state: a window, or state of its own kind."""

    @property
    def outlives_sessions(self) -> bool:
        """The account's next session goes on with the measurement."""
        return True

    def window(self) -> Window:
        """Returns the window of a meter that has one and no other state."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forgets the observations; peaks and baselines start from the last one."""
        self.window().clear()

    def to_state(self) -> Any:
        """Returns the state in JSON-able form."""
        return self.window().to_state()

    def load(self, state: Any) -> None:
        """Takes a state that to_state returned."""
        self.window().load(state)


class RequestMeter(Meter):
    """A meter of requests."""

    def on_requests(self, now_ns: int, orders: int, cancels: int) -> Breach | None:
        """Judges requests that were sent."""
        raise NotImplementedError


class OutcomeMeter(Meter):
    """A meter of orders whose outcome has become known."""

    def failures_of(self, business: int, technical: int) -> int:
        """Returns how many of these failures count."""
        raise NotImplementedError

    def on_outcome(self, now_ns: int, orders: int, business: int, technical: int) -> Breach | None:
        """Judges orders of which some have failed."""
        raise NotImplementedError


class FillMeter(Meter):
    """A meter of fills."""

    def on_fill(self, now_ns: int, fill: FillFacts) -> Breach | None:
        """Judges a fill."""
        raise NotImplementedError


class EquityMeter(Meter):
    """A meter of what an account is worth, 1e-18 of its currency."""

    @property
    def floor(self) -> int | None:
        """The level at which, or below which, the breaker opens; None if it has no level of the account."""
        raise NotImplementedError

    def on_equity(self, now_ns: int, settled: int, worth: int) -> Breach | None:
        """Judges the balance (cash and open positions at cost) and the equity (positions at the mark)."""
        raise NotImplementedError

    def shift(self, amount: int) -> None:
        """Moves all levels by a deposit or withdrawal."""
        raise NotImplementedError

    def reopen(self, opening: int, change: int) -> None:
        """Goes on in the account's next session; losses stay, in money.

        opening: its cash. change: how much more that is than the last session ended with.
        """
        raise NotImplementedError


def floored(what: str, level: int, floor: int, how: str) -> str:
    """Returns a sentence on a level of money (1e-18) that has come to its floor. how: where the floor comes from."""
    place = "at" if level == floor else "below"
    return f"{what} {money_text(level)} is {place} the floor {money_text(floor)}, {how}"


def span_text(span_ms: int) -> str:
    """Returns a window of event time in words."""
    return f"{price_text(span_ms * PRICE_SCALE // MS_PER_S)} s"


def ceiling(numerator: int, denominator: int) -> int:
    """Returns the quotient, rounded up."""
    return -(-numerator // denominator)
