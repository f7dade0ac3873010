"""What the gate has authorised, as each account shard knows it by strategy; how it changes and how it ends."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, ValidationError

from schemas.records.enums import BreakerState, DeskReportKind, RiskEventKind, TradingLevel
from schemas.records.messages import Control, DeskReport
from schemas.records.output import Output, State
from streams.core.accounts.state import account_records as records
from streams.core.reference.fields import Frozen
from streams.core.risk.control import Limit
from streams.core.risk.limits import CONTROLS, RiskLimits

if TYPE_CHECKING:
    from streams.core.accounts.state.shard_state import AccountBook


class AuthorisationKind(StrEnum):
    """What the gate says: its criteria's decision, a person's approval of it, the end of both."""

    DECISION = "DECISION"
    APPROVAL = "APPROVAL"
    REVOCATION = "REVOCATION"


class AuthorisationDocument(Frozen):
    """The field authorisation of a control. limits: the level's, by name; see Authorisations.limits_under."""

    kind: AuthorisationKind
    strategy_id: str = Field(min_length=1)
    decision_id: str = Field(min_length=1)
    level: TradingLevel = TradingLevel.PAPER_ONLY
    expires_ts: int = 0
    limits: dict[str, str] = Field(default_factory=dict)


@dataclass(slots=True)
class Authorisation:
    """A decision and what became of it. expires_ns: UTC nanoseconds; approved_by: who; revoked: why."""

    decision_id: str
    level: TradingLevel
    expires_ns: int
    limits: dict[str, str]
    approved_by: str | None = None
    revoked: str | None = None


@dataclass(slots=True)
class Authorisations:
    """The newest decision of each strategy."""

    by_strategy: dict[str, Authorisation] = field(default_factory=dict)
    _compiled: dict[str, tuple[RiskLimits, dict[str, str], RiskLimits]] = field(default_factory=dict)
    """By strategy: an account's limits, the level's, and what came of both; only to save work."""

    def limits_under(self, strategy_id: str, own: RiskLimits) -> RiskLimits:
        """An account's limits with those of the strategy's level that are smaller, or that the account has not."""
        level = self.by_strategy[strategy_id].limits
        known = self._compiled.get(strategy_id)
        if known is None or known[0] is not own or known[1] is not level:
            known = self._compiled[strategy_id] = (own, level, _reduced(own, level))
        return known[2]

    def to_state(self) -> State:
        """JSON-able form."""
        return {
            strategy_id: [item.decision_id, item.level, item.expires_ns, item.limits, item.approved_by, item.revoked]
            for strategy_id, item in self.by_strategy.items()
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The authorisations that to_state described."""
        return cls(
            {
                strategy_id: Authorisation(item[0], TradingLevel(item[1]), *item[2:])
                for strategy_id, item in state.items()
            }
        )


def on_authorisation(book: "AccountBook", control: Control) -> str | None:
    """Takes what the gate says and answers with a risk event; a sentence where it is refused and nothing changes."""
    try:
        document = AuthorisationDocument.model_validate_json(control.authorisation or "")
        check_level(document.limits)
    except ValidationError as error:
        return "; ".join(f"authorisation.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    except ValueError as error:
        return f"authorisation.limits: {error}"
    problem, text = _take(book.authorisations, document, control)
    if problem is None:
        _tell(book, document.strategy_id, document.kind, text, control)
    return problem


def _take(known: Authorisations, document: AuthorisationDocument, control: Control) -> tuple[str | None, str]:
    """Why it is refused, or None; and what has changed."""
    strategy_id, newest = document.strategy_id, known.by_strategy.get(document.strategy_id)
    named = f"decision {document.decision_id} on strategy {strategy_id}"
    if document.kind is AuthorisationKind.DECISION:
        if newest is None or newest.decision_id != document.decision_id:
            known.by_strategy[strategy_id] = Authorisation(
                document.decision_id, document.level, document.expires_ts, document.limits
            )
        return None, f"{named}: {document.level}"
    if document.kind is AuthorisationKind.REVOCATION:
        if newest is not None and newest.revoked is None:
            newest.revoked = control.reason
        return None, f"{named} is revoked: {control.reason}"
    if newest is None or newest.decision_id != document.decision_id:
        return f"{named} is not the newest that this shard knows; approve the newest", ""
    if newest.revoked is not None:
        return f"{named} is revoked: {newest.revoked}; evaluate the strategy again", ""
    newest.approved_by = control.actor
    return None, f"{named} is approved by {control.actor}"


def revoke(book: "AccountBook", strategy_id: str | None, why: str) -> None:
    """Ends a strategy's authorisation here and, through the desk, in every other shard; once, if there is one."""
    if strategy_id is None or not _end(book, strategy_id, why):
        return
    for partition in range(book.config.account_partitions):
        if partition != book.partition:
            report = _report(book, strategy_id, why)
            book.emit(Output("desk", report.shard, report, partition))


def revoke_all(book: "AccountBook", why: str) -> None:
    """Ends every strategy's authorisation here, for what every other shard is told too."""
    for strategy_id in book.authorisations.by_strategy:
        _end(book, strategy_id, why)


def on_revocation(book: "AccountBook", report: DeskReport) -> None:
    """Another shard has revoked a strategy's authorisation."""
    _end(book, report.strategy_id or "", f"{report.shard}: {report.text}")


def _end(book: "AccountBook", strategy_id: str, why: str) -> bool:
    item = book.authorisations.by_strategy.get(strategy_id)
    if item is None or item.revoked is not None:
        return False
    item.revoked = why
    text = f"decision {item.decision_id} on strategy {strategy_id} is revoked: {why}"
    _tell(book, strategy_id, AuthorisationKind.REVOCATION, text, None)
    return True


def _tell(book: "AccountBook", strategy_id: str, kind: AuthorisationKind, text: str, control: Control | None) -> None:
    event = records.risk_event(
        book.next_id(),
        RiskEventKind.AUTHORISATION_CHANGED,
        "",
        None,
        book.time_ns,
        text,
        code=kind,
        control_id=control.control_id if control else None,
        actor=control.actor if control else f"accounts-{book.partition}",
        reason=control.reason if control else None,
    )
    book.emit(Output("risk.events", "", event._replace(strategy_id=strategy_id), book.partition))


def _report(book: "AccountBook", strategy_id: str, why: str) -> DeskReport:
    return DeskReport(
        kind=DeskReportKind.REVOCATION,
        shard=f"accounts-{book.partition}",
        currency=None,
        equity=None,
        opening_cash=None,
        realised_pnl=None,
        orders=0,
        cancels=0,
        business_rejects=0,
        technical_failures=0,
        breaker=None,
        breaker_state=BreakerState.UNKNOWN,
        event_id=None,
        text=why,
        ts=book.time_ns,
        strategy_id=strategy_id,
    )


def check_level(limits: dict[str, str]) -> None:
    """Raises ValueError where one is none of REDUCIBLE, or no number that it can have."""
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
"""Limits that a number alone describes, so that they can be put on where the account has none.

Those with windows are not: an account that has none remembers nothing that one could count.
"""
