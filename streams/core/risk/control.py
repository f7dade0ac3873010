"""What a pre-trade control is: it judges a proposal and says nothing, or why the request is refused.

Sources of the terms: SEC rule 15c3-5, MiFID II RTS 6 article 15, FIA best practices 2024.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import Field, model_validator

from schemas.records.numbers import PRICE_SCALE, money_text, plain, price_text, to_price
from streams.core.reference.fields import FixedDecimal, Frozen, PositiveDecimal

if TYPE_CHECKING:
    from streams.core.ledger.exposure import Exposure
    from streams.core.risk.proposal import Proposal

Check = Callable[["Proposal"], "Reject | None"]
"""Why a request is refused; None where the control has nothing against it."""

Share = Annotated[FixedDecimal, Field(gt=0, le=1)]


class Reject(NamedTuple):
    """Why a request was refused: a stable code, a sentence, the limit and what was observed (decimal text)."""

    code: str
    text: str
    limit_value: str | None = None
    observed_value: str | None = None
    breaker: str | None = None
    event_id: str | None = None
    """The breaker that refuses, and the risk event of its transition."""


class Control(Frozen):
    """A control with its parameters. A value alone stands for the parameter that `alone` names."""

    code: ClassVar[str]
    alone: ClassVar[str] = "limit"

    @model_validator(mode="before")
    @classmethod
    def _value_alone(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, dict | Control) else {cls.alone: value}

    def checker(self) -> Check:
        """The control as a function of a proposal, made once with its numbers: fields of a model are slow to read."""
        raise NotImplementedError


class Limit(Control):
    """A control that lets an observed number reach its limit and not pass it; what is above `soft` of it warns."""

    by_symbol: ClassVar[bool] = True
    """Whether the observed number is of one instrument, so that each instrument has its own warning."""

    soft: Share = Decimal("0.8")

    @cached_property
    def soft_share(self) -> int:
        """1e-9."""
        return to_price(self.soft)

    def soft_of(self, limit: int) -> int:
        """The smallest observed number that warns, in the unit of the limit."""
        return -(-limit * self.soft_share // PRICE_SCALE)

    def judge(self, proposal: Proposal, observed: int, limit: int, soft: int) -> Reject | None:
        """Refuses what is above the limit, and notes what has come near it. All in one unit.

        A checker needs to ask only if the number is at soft or above, or the proposal's account has been warned.
        """
        if observed > limit:
            return self.refuse(proposal, observed, limit)
        if observed >= soft:
            proposal.near.append(Near(self, observed, limit))
        elif proposal.warned:
            proposal.far.append(self)
        return None

    def refuse(self, proposal: Proposal, observed: int, limit: int) -> Reject:
        """The answer to a request above the limit."""
        limit_text, observed_text = self.show(limit), self.show(observed)
        text = f"{proposal.subject}: {self.sentence(proposal, observed_text, limit_text)}"
        return Reject(self.code, text, limit_text, observed_text)

    def warning(self, proposal: Proposal, observed: int, limit: int) -> Reject:
        """What is said of an approved order that came near the limit."""
        limit_text, observed_text = self.show(limit), self.show(observed)
        of = f" in {proposal.symbol}" if self.by_symbol else ""
        text = (
            f"{proposal.subject}: {self.code}{of} of account {proposal.account.account_id} has come to {observed_text} "
            f"of the limit {limit_text}; it warns from {plain(self.soft)} of the limit on"
        )
        return Reject(self.code, text, limit_text, observed_text)

    def warning_key(self, symbol: str) -> str:
        """Under which a warning is remembered."""
        return f"{self.code} {symbol}" if self.by_symbol else self.code

    def show(self, value: int) -> str:
        """Decimal text of a limit or an observed number."""
        return price_text(value)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """What is wrong, without subject."""
        raise NotImplementedError


class Near(NamedTuple):
    """A limit that an order came near: what was observed, of what."""

    control: Limit
    observed: int
    limit: int


class QuantityLimit(Limit):
    """limit: units of the instrument."""

    limit: PositiveDecimal

    @cached_property
    def fixed(self) -> int:
        """1e-9 units."""
        return to_price(self.limit)

    @cached_property
    def soft_fixed(self) -> int:
        """What warns, 1e-9 units."""
        return self.soft_of(self.fixed)


class MoneyLimit(Limit):
    """limit: units of the currency."""

    limit: PositiveDecimal

    @cached_property
    def fixed(self) -> int:
        """1e-18 of the currency."""
        return to_price(self.limit) * PRICE_SCALE

    @cached_property
    def soft_fixed(self) -> int:
        """What warns, 1e-18 of the currency."""
        return self.soft_of(self.fixed)

    def show(self, value: int) -> str:
        """See Limit."""
        return money_text(value)


class CountLimit(Limit):
    """limit: how many there may be."""

    limit: Annotated[int, Field(ge=1)]

    @cached_property
    def soft_fixed(self) -> int:
        """What warns."""
        return self.soft_of(self.limit)

    def show(self, value: int) -> str:
        """See Limit."""
        return str(value)


class EquityLimit(Limit):
    """limit: how much a unit of equity may carry (0.5: half of the equity)."""

    limit: PositiveDecimal

    @cached_property
    def fixed(self) -> int:
        """1e-9 of the equity."""
        return to_price(self.limit)

    @cached_property
    def soft_fixed(self) -> int:
        """What warns, 1e-9 of the equity."""
        return self.soft_of(self.fixed)

    def exposure_checker(self, which: Callable[[Exposure], tuple[int, int]]) -> Check:
        """Judges an exposure before and after the order (1e-18) against the equity; what it can't raise passes."""
        fixed, soft = self.fixed, self.soft_fixed

        def check(proposal: Proposal) -> Reject | None:
            exposure = proposal.exposure()
            before, after = which(exposure)
            equity = exposure.equity
            if after * PRICE_SCALE < equity * soft and not proposal.warned:
                return None
            if after * PRICE_SCALE <= equity * fixed:
                return self.judge(proposal, after * PRICE_SCALE // max(equity, 1), fixed, soft)
            return self.beyond(proposal, exposure, before, after) if after > before else None

        return check

    def beyond(self, proposal: Proposal, exposure: Exposure, before: int, after: int) -> Reject:
        """The answer to an order that raises an exposure above the limit."""
        assert exposure.equity > 0, "without equity there is no buying power, which is asked first"
        return self.refuse(proposal, -(-after * PRICE_SCALE // exposure.equity), self.fixed)
