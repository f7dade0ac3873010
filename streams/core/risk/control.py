"""Pre-trade controls: a control judges a proposal and gives no answer, or the refusal of the request.

Sources of the terms: SEC rule 15c3-5, MiFID II RTS 6 article 15, FIA best practices 2024.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from schemas.records.numbers import PRICE_SCALE, plain, price_text, to_price
from streams.core.reference.fields import FixedDecimal, Frozen
from streams.core.risk.judges.judge import Judge
from streams.core.risk.proposal import Near, Proposal, Reject

Share = Annotated[FixedDecimal, Field(gt=0, le=1)]


class RiskControl(Frozen):
    """A control with its parameters. A single value in a document stands for the parameter that `alone` names."""

    code: ClassVar[str]
    alone: ClassVar[str] = "limit"

    @model_validator(mode="before")
    @classmethod
    def _value_alone(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, dict | RiskControl) else {cls.alone: value}

    def make_judge(self) -> Judge:
        """Returns the control as compiled code with its numbers: the fields of a model are slow to read."""
        raise NotImplementedError


class Limit(RiskControl):
    """A control with an observed number that may reach the limit and not pass it. Above `soft` of the limit it warns.

    by_symbol: the observed number is of one instrument, so each instrument has its own warning.
    """

    by_symbol: ClassVar[bool] = True

    soft: Share = Decimal("0.8")

    @cached_property
    def soft_share(self) -> int:
        """The share of the limit that warns, 1e-9."""
        return to_price(self.soft)

    def soft_of(self, limit: int) -> int:
        """Returns the smallest observed number that warns, in the unit of the limit."""
        return -(-limit * self.soft_share // PRICE_SCALE)

    def judge(self, proposal: Proposal, observed: int, limit: int, soft: int) -> Reject | None:
        """Refuses a number above the limit, and notes a number that has come near it. All in one unit.

        A judge may skip the call if the number is below soft and the account has no warning.
        """
        if observed > limit:
            return self.refuse(proposal, observed, limit)
        if observed >= soft:
            proposal.near.append(Near(self, observed, limit))
        elif proposal.warned:
            proposal.far.append(self)
        return None

    def refuse(self, proposal: Proposal, observed: int, limit: int) -> Reject:
        """Returns the refusal of a request above the limit."""
        limit_text, observed_text = self.show(limit), self.show(observed)
        text = f"{proposal.subject}: {self.sentence(proposal, observed_text, limit_text)}"
        return Reject(self.code, text, limit_text, observed_text)

    def warning(self, proposal: Proposal, observed: int, limit: int) -> Reject:
        """Returns the warning about an approved order that came near the limit."""
        limit_text, observed_text = self.show(limit), self.show(observed)
        of = f" in {proposal.symbol}" if self.by_symbol else ""
        text = (
            f"{proposal.subject}: {self.code}{of} of account {proposal.account_id} has come to {observed_text} "
            f"of the limit {limit_text}; it warns from {plain(self.soft)} of the limit on"
        )
        return Reject(self.code, text, limit_text, observed_text)

    def warning_key(self, symbol: str) -> str:
        """Returns the key under which a given warning is remembered."""
        return f"{self.code} {symbol}" if self.by_symbol else self.code

    def show(self, value: int) -> str:
        """Returns a limit or an observed number as decimal text."""
        return price_text(value)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """Returns the reason of a refusal, without its subject."""
        raise NotImplementedError
