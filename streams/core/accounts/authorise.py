"""Commands of the gate in the account shard: decisions, approvals and revocations of strategies."""

from typing import Annotated

from pydantic import Field, ValidationError

from schemas.records.bounds import TIME_MAX_NS
from schemas.records.enums import DeskReportKind, RiskEventKind, TradingLevel
from schemas.records.messages import Control, DeskReport
from schemas.records.output import Output
from streams.core.accounts.signed_commands import CommandRefused, take_signed
from streams.core.accounts.state.authorisations import Authorisation, AuthorisationKind, Authorisations, check_level
from streams.core.accounts.state.shard_state import ShardState
from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.fields import Frozen


class AuthorisationDocument(Frozen):
    """The field `authorisation` of a control before it was signed. limits: of the level; see Authorisations."""

    kind: AuthorisationKind
    strategy_id: str = Field(min_length=1)
    decision_id: str = Field(min_length=1)
    level: TradingLevel = TradingLevel.PAPER_ONLY
    expires_ts: Annotated[int, Field(ge=0, le=TIME_MAX_NS)] = 0
    limits: dict[str, str] = Field(default_factory=dict)


def on_authorisation(state: ShardState, control: Control) -> None:
    """Takes a command of the gate and answers with a risk event."""
    if not state.config.authorisations_are_signed:
        problem = _take_unsigned(state, control)
        if problem is not None:
            state.refuse(control, problem)
        return
    try:
        taken = take_signed(state, control)
    except CommandRefused as refusal:
        state.refuse(control, refusal.why, refusal.code)
        return
    _tell(state, taken.strategy_id, taken.kind, taken.text, control, taken.decision_id)


def _take_unsigned(state: ShardState, control: Control) -> str | None:
    """Takes a command by the rule from before authorisations_are_signed. Returns the reason if it is refused."""
    try:
        document = AuthorisationDocument.model_validate_json(control.authorisation or "")
        check_level(document.limits)
    except ValidationError as error:
        return broken_rules(error, "authorisation")
    except ValueError as error:
        return f"authorisation.limits: {error}"
    problem, text = _take(state.authorisations, document, control)
    if problem is None:
        _tell(state, document.strategy_id, document.kind, text, control)
    return problem


def _take(known: Authorisations, document: AuthorisationDocument, control: Control) -> tuple[str | None, str]:
    """Returns the reason of a refusal, or None, and the change in words."""
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


def revoke(state: ShardState, strategy_id: str | None, why: str) -> None:
    """Ends a strategy's authorisation, if there is one, here and through the desk in every other shard."""
    if strategy_id is None or not _end(state, strategy_id, why):
        return
    for partition in range(state.config.account_partitions):
        if partition != state.partition:
            report = state.desk_report(DeskReportKind.REVOCATION)._replace(text=why, strategy_id=strategy_id)
            state.emit(Output("desk", report.shard, report, partition))


def revoke_all(state: ShardState, why: str) -> None:
    """Ends every strategy's authorisation here, for a reason that every other shard hears too."""
    for strategy_id in state.authorisations.by_strategy:
        _end(state, strategy_id, why)


def on_revocation(state: ShardState, report: DeskReport) -> None:
    """Takes another shard's revocation of a strategy's authorisation."""
    _end(state, report.strategy_id or "", f"{report.shard}: {report.text}")


def _end(state: ShardState, strategy_id: str, why: str) -> bool:
    item = state.authorisations.by_strategy.get(strategy_id)
    if item is None or item.revoked is not None:
        return False
    item.revoked = why
    text = f"decision {item.decision_id} on strategy {strategy_id} is revoked: {why}"
    named = item.decision_id if state.config.authorisations_are_signed else ""
    _tell(state, strategy_id, AuthorisationKind.REVOCATION, text, None, named)
    return True


def _tell(
    state: ShardState, strategy_id: str, kind: str, text: str, control: Control | None, decision_id: str = ""
) -> None:
    state.emit_risk_event(
        RiskEventKind.AUTHORISATION_CHANGED,
        text,
        control=control,
        code=kind,
        actor=f"accounts-{state.partition}",
        strategy_id=strategy_id,
        cause=decision_id or None,
    )
