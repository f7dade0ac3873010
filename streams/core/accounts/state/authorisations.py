"""Authorisations of strategies by the gate, as an account shard knows them."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from pydantic import ValidationError

from schemas.records.enums import TradingLevel
from schemas.records.output import State
from streams.core.risk.control import Limit
from streams.core.risk.limits import CONTROLS, RiskLimits


class AuthorisationKind(StrEnum):
    """A decision by the criteria, a person's approval of it, or the end of both."""

    DECISION = "DECISION"
    APPROVAL = "APPROVAL"
    REVOCATION = "REVOCATION"


@dataclass(slots=True)
class Authorisation:
    """A decision of the gate. expires_ns, decided_ns: UTC nanoseconds. approved_by: a person. revoked: the reason.

    sha256: of the signed text; empty for a decision from before decisions were signed, which lacks all after it, too.
    run_id, account_id, code_sha256, parameters_sha256: for what it holds. evaluator: the name of who evaluated.
    signed_by, approved_with: public keys.
    """

    decision_id: str
    level: TradingLevel
    expires_ns: int
    limits: dict[str, str]
    approved_by: str | None = None
    revoked: str | None = None
    sha256: str = ""
    run_id: str = ""
    account_id: str = ""
    code_sha256: str | None = None
    parameters_sha256: str | None = None
    decided_ns: int = 0
    evaluator: str = ""
    signed_by: str = ""
    approved_with: str = ""

    def to_state(self) -> State:
        """Returns the authorisation in JSON-able form."""
        known: State = {
            "decision_id": self.decision_id,
            "level": self.level,
            "expires_ns": self.expires_ns,
            "limits": self.limits,
            "approved_by": self.approved_by,
            "revoked": self.revoked,
        }
        if self.sha256:
            known |= {
                "sha256": self.sha256,
                "run_id": self.run_id,
                "account_id": self.account_id,
                "code_sha256": self.code_sha256,
                "parameters_sha256": self.parameters_sha256,
                "decided_ns": self.decided_ns,
                "evaluator": self.evaluator,
                "signed_by": self.signed_by,
                "approved_with": self.approved_with,
            }
        return known

    @classmethod
    def from_state(cls, state: State | list[Any]) -> Self:
        """Returns the authorisation that to_state described. A list is from before decisions were signed."""
        if isinstance(state, list):
            return cls(state[0], TradingLevel(state[1]), *state[2:])
        return cls(**(state | {"level": TradingLevel(state["level"])}))


@dataclass(slots=True)
class Authorisations:
    """The newest decision of each strategy."""

    by_strategy: dict[str, Authorisation] = field(default_factory=dict)
    _compiled: dict[str, tuple[RiskLimits, dict[str, str], RiskLimits]] = field(default_factory=dict)
    """A cache by strategy: the account's limits, the level's limits, and the reduced limits."""

    def limits_under(self, strategy_id: str, own: RiskLimits) -> RiskLimits:
        """Returns an account's limits with those of the strategy's level that are smaller or that the account lacks."""
        level = self.by_strategy[strategy_id].limits
        known = self._compiled.get(strategy_id)
        if known is None or known[0] is not own or known[1] is not level:
            known = self._compiled[strategy_id] = (own, level, _reduced(own, level))
        return known[2]

    def to_state(self) -> State:
        """Returns the authorisations in JSON-able form."""
        return {strategy_id: item.to_state() for strategy_id, item in self.by_strategy.items()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Returns the authorisations that to_state described."""
        return cls({strategy_id: Authorisation.from_state(item) for strategy_id, item in state.items()})


def check_level(limits: dict[str, str]) -> None:
    """Raises ValueError for a limit that is not in REDUCIBLE, or for a value that it can't have."""
    for name, value in limits.items():
        if name not in REDUCIBLE:
            raise ValueError(f"{name} is not a limit that a level can reduce; there are {', '.join(REDUCIBLE)}")
        try:
            REDUCIBLE[name].model_validate({"limit": value})
        except ValidationError as error:
            text = f"{name}: {value!r} is no number that stands for it: {error.errors()[0]['msg']}"
            raise ValueError(text) from error


def _reduced(own: RiskLimits, level: dict[str, str]) -> RiskLimits:
    state = own.to_state()
    smaller = {name: value for name, value in level.items() if _is_below(value, state[name])}
    return own.patched(smaller) if smaller else own


def _is_below(value: str, own: dict[str, Any] | None) -> bool:
    return own is None or Decimal(value) < Decimal(own["limit"])


REDUCIBLE: dict[str, type[Limit]] = {
    name: kind
    for name, kind in CONTROLS.items()
    if issubclass(kind, Limit) and kind.model_fields.keys() == {"limit", "soft"}
}
"""Limits that one number describes: they can be set for an account that has none.

Limits with windows are not among them: an account without one remembers nothing that it could count.
"""
