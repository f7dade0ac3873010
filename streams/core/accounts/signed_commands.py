"""The gate's commands: decisions and approvals count by their signatures, a revocation by anybody's word."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.records.enums import TradingMode
from schemas.records.messages import Control
from streams.core.accounts.live_authority import LIVE_LEVELS
from streams.core.accounts.signed_documents import ApprovalDocument, DecisionDocument, signer_of, text_sha256
from streams.core.accounts.state.authorisations import Authorisation, AuthorisationKind
from streams.core.accounts.state.shard_state import ShardState
from streams.core.reference.broken_rules import broken_rules

FORGED: Final = "AUTHORISATION_FORGED"
"""Code of a decision or approval that no key of the list has signed. It alarms."""
KEYS_REMEDY: Final = "`paper gate keys` lists the keys, and workers take a new list when they start"


class SignedCommand(BaseModel):
    """The field `authorisation` of a control. signed: a document's text; signature: over it, Base64.

    Fields besides these are of no account: what is not signed says nothing.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str
    strategy_id: str = ""
    signed: str = ""
    signature: str = ""


class CommandRefused(Exception):
    """A command that changes nothing, with the code and the reason."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


class Taken:
    """A command that was taken: its kind, the strategy and the decision that it is about, and the change in words."""

    __slots__ = ("decision_id", "kind", "strategy_id", "text")

    def __init__(self, kind: str, strategy_id: str, decision_id: str, text: str) -> None:
        self.kind, self.strategy_id, self.decision_id, self.text = kind, strategy_id, decision_id, text


def take_signed(state: ShardState, control: Control) -> Taken:
    """Takes a command of the gate. Raises CommandRefused."""
    try:
        command = SignedCommand.model_validate_json(control.authorisation or "")
    except ValidationError as error:
        raise CommandRefused("CONTROL_REJECTED", broken_rules(error, "authorisation")) from error
    if command.kind == AuthorisationKind.REVOCATION:
        return _revoke(state, command, control)
    if command.kind == AuthorisationKind.DECISION:
        return _decide(state, command)
    if command.kind == AuthorisationKind.APPROVAL:
        return _approve(state, command)
    text = f"authorisation.kind: {command.kind!r} is not one of {', '.join(AuthorisationKind)}"
    raise CommandRefused("CONTROL_REJECTED", text)


def _decide(state: ShardState, command: SignedCommand) -> Taken:
    gate, known = state.config.gate, state.authorisations.by_strategy
    key = signer_of(command.signed, command.signature, gate.keys)
    if key is None:
        raise CommandRefused(FORGED, f"this DECISION is signed by no key of the gate's; {KEYS_REMEDY}")
    document: DecisionDocument = _parsed(DecisionDocument, command.signed)
    strategy_id, newest, digest = document.strategy_id, known.get(document.strategy_id), text_sha256(command.signed)
    named = f"decision {document.decision_id} on strategy {strategy_id}"
    _demand_run(state, named, document.run_id)
    if (document.mode is TradingMode.LIVE) is not (document.level in LIVE_LEVELS):
        raise CommandRefused(
            "CONTROL_REJECTED", f"{named}: level {document.level} does not go with mode {document.mode}"
        )
    if newest is None or newest.sha256 != digest:
        if newest is not None and document.decided_ts <= newest.decided_ns:
            text = f"{named} is not newer than decision {newest.decision_id}, which this shard knows; evaluate it again"
            raise CommandRefused("AUTHORISATION_OUTDATED", text)
        known[strategy_id] = Authorisation(
            document.decision_id,
            document.level,
            document.expires_ts,
            document.limits,
            sha256=digest,
            run_id=document.run_id,
            account_id=document.account_id,
            code_sha256=document.code_sha256,
            parameters_sha256=document.parameters_sha256,
            decided_ns=document.decided_ts,
            evaluator=document.evaluator,
            signed_by=key,
        )
    return Taken(AuthorisationKind.DECISION, strategy_id, document.decision_id, f"{named}: {document.level}")


def _approve(state: ShardState, command: SignedCommand) -> Taken:
    gate = state.config.gate
    names = {key: name for name, key in gate.approvers.items()}
    key = signer_of(command.signed, command.signature, names)
    if key is None:
        raise CommandRefused(FORGED, f"this APPROVAL is signed by no approver's key; {KEYS_REMEDY}")
    document: ApprovalDocument = _parsed(ApprovalDocument, command.signed)
    strategy_id, newest = document.strategy_id, state.authorisations.by_strategy.get(document.strategy_id)
    named = f"decision {document.decision_id} on strategy {strategy_id}"
    _demand_run(state, named, document.run_id)
    if newest is None or newest.sha256 != document.decision_sha256:
        text = f"{named} is not the newest that this shard knows; approve the newest"
        raise CommandRefused("AUTHORISATION_OUTDATED", text)
    if newest.revoked is not None:
        raise CommandRefused(
            "AUTHORISATION_REVOKED", f"{named} is revoked: {newest.revoked}; evaluate the strategy again"
        )
    if names[key] == newest.evaluator:
        text = f"{named} was evaluated by {newest.evaluator}; another person must approve it"
        raise CommandRefused("AUTHORISATION_SAME_PERSON", text)
    newest.approved_by, newest.approved_with = names[key], key
    return Taken(AuthorisationKind.APPROVAL, strategy_id, newest.decision_id, f"{named} is approved by {names[key]}")


def _revoke(state: ShardState, command: SignedCommand, control: Control) -> Taken:
    """Ends whatever this shard holds for a strategy, whichever decision the command names: that fails safe."""
    strategy_id = command.strategy_id
    if not strategy_id:
        raise CommandRefused(
            "CONTROL_REJECTED", "authorisation.strategy_id: a REVOCATION needs the strategy that it ends"
        )
    newest = state.authorisations.by_strategy.get(strategy_id)
    if newest is None:
        text = f"strategy {strategy_id} is revoked: {control.reason}; this shard held no decision on it"
        return Taken(AuthorisationKind.REVOCATION, strategy_id, "", text)
    if newest.revoked is None:
        newest.revoked = control.reason
    text = f"decision {newest.decision_id} on strategy {strategy_id} is revoked: {newest.revoked}"
    return Taken(AuthorisationKind.REVOCATION, strategy_id, newest.decision_id, text)


def _demand_run(state: ShardState, named: str, run_id: str) -> None:
    own = state.config.gate.run_id
    if run_id != own:
        text = f"{named} is about run {run_id}, and this shard trades run {own}; evaluate with RUN_ID={own}"
        raise CommandRefused("AUTHORISATION_WRONG_RUN", text)


def _parsed(kind: Any, text: str) -> Any:
    """Returns a document whose signature is good. Raises CommandRefused if the signer's version writes another form."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise CommandRefused("CONTROL_REJECTED", broken_rules(error, "authorisation.signed")) from error
