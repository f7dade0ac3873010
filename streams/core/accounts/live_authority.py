"""The last word on live orders: whose decision holds, for whom, approved by whom, and until when."""

from schemas.records.enums import TradingLevel
from schemas.records.messages import OrderRequest
from streams.core.accounts.signed_documents import parameters_sha256
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.authorisations import Authorisation
from streams.core.accounts.state.shard_state import ShardState
from streams.core.risk.proposal import Reject

LIVE_LEVELS = (TradingLevel.LIMITED_LIVE, TradingLevel.FULL_LIVE)


def missing_authority(state: ShardState, account: Account, request: OrderRequest) -> Reject | None:
    """Returns the refusal of a live order that the gate does not let pass."""
    subject, strategy = f"order {request.order_id}", account.strategy_id
    signed = state.config.authorisations_are_signed
    if signed and not state.config.gate.authenticated:
        text = f"{subject}: no order is live while Kafka asks nobody for a password; set KAFKA_SECURITY=scram"
        return Reject("LIVE_NO_AUTHENTICATION", text)
    if not strategy:
        text = f"{subject}: session {account.session_id} has no strategy that the gate could authorise"
        return Reject("LIVE_NO_STRATEGY", text)
    if request.strategy_id not in (None, strategy):
        text = f"{subject}: strategy {request.strategy_id} is not that of session {account.session_id}, {strategy}"
        return Reject("LIVE_WRONG_STRATEGY", text, strategy, request.strategy_id)
    known = state.authorisations.by_strategy.get(strategy)
    if known is None:
        text = f"{subject}: the gate has decided nothing on strategy {strategy}; `paper gate evaluate` it"
        return Reject("LIVE_NO_DECISION", text)
    decision = f"{subject}: decision {known.decision_id} on strategy {strategy}"
    if known.revoked is not None:
        return Reject("LIVE_REVOKED", f"{decision} is revoked: {known.revoked}")
    if known.level not in LIVE_LEVELS:
        return Reject("LIVE_PAPER_ONLY", f"{decision} says {known.level}")
    if known.approved_by is None:
        return Reject("LIVE_NOT_APPROVED", f"{decision} has no person's approval; `paper gate approve` it")
    if not signed:
        return _expired_by_market(state, account, known, decision)
    return (
        _without_keys(state, known, decision)
        or _unbound(state, account, known, decision)
        or _expired(state, known, decision)
    )


def _without_keys(state: ShardState, known: Authorisation, decision: str) -> Reject | None:
    """Refuses what keys have signed that are not on the list any more, and what nobody has signed."""
    gate = state.config.gate
    if not known.sha256:
        return Reject("LIVE_NOT_SIGNED", f"{decision} is from before decisions were signed; evaluate it again")
    if known.signed_by not in gate.keys or gate.approvers.get(known.approved_by or "") != known.approved_with:
        text = f"{decision} was signed or approved by a key that is not on the list any more; evaluate it again"
        return Reject("LIVE_KEY_WITHDRAWN", text)
    return None


def _unbound(state: ShardState, account: Account, known: Authorisation, decision: str) -> Reject | None:
    """Refuses an order of another run, account, code or set of parameters than the gate has judged."""
    run_id = state.config.gate.run_id
    if known.run_id != run_id:
        text = f"{decision} is about run {known.run_id}, not {run_id}; evaluate the strategy in this run"
        return Reject("LIVE_WRONG_RUN", text, known.run_id, run_id)
    if known.account_id != account.account_id:
        text = f"{decision} is about account {known.account_id}, not {account.account_id}; trade in that account"
        return Reject("LIVE_WRONG_ACCOUNT", text, known.account_id, account.account_id)
    if known.code_sha256 is None or known.code_sha256 != account.code_sha256:
        text = (
            f"{decision} is about code {known.code_sha256 or 'unknown'}, and session {account.session_id} runs "
            f"{account.code_sha256 or 'unknown code'}; open it by `paper strategy run` with the code that was judged"
        )
        return Reject("LIVE_WRONG_CODE", text, known.code_sha256, account.code_sha256)
    chosen = parameters_sha256(account.parameters)
    if known.parameters_sha256 != chosen:
        text = f"{decision} is about other parameters than those of session {account.session_id}; evaluate it again"
        return Reject("LIVE_WRONG_PARAMETERS", text, known.parameters_sha256, chosen)
    return None


def _expired(state: ShardState, known: Authorisation, decision: str) -> Reject | None:
    """Refuses by the broker's clock, which neither a client nor the market can hold up or turn back."""
    if not state.broker_ns:
        text = f"{decision} may have expired: the broker's time of the order is not known; stamp topics on append"
        return Reject("LIVE_NO_TIME", text)
    if state.broker_ns >= known.expires_ns:
        text = f"{decision} has expired; evaluate the strategy again"
        return Reject("LIVE_EXPIRED", text, str(known.expires_ns), str(state.broker_ns))
    return None


def _expired_by_market(state: ShardState, account: Account, known: Authorisation, decision: str) -> Reject | None:
    """Refuses by the account's clock, as before decisions were signed."""
    clock_ns = account.ledger.clock_ns
    if not clock_ns and state.config.orders_wait:
        text = f"{decision} may have expired: the market has no time yet; send it when market data have come"
        return Reject("LIVE_NO_TIME", text)
    if clock_ns >= known.expires_ns:
        text = f"{decision} has expired; evaluate the strategy again"
        return Reject("LIVE_EXPIRED", text, str(known.expires_ns), str(clock_ns))
    return None
