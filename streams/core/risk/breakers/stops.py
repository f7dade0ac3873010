"""The refusals that open breakers cause, and the trading state that they leave an account in."""

from schemas.records.enums import BreakerState, TradingState
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.proposal import Proposal, Reject

SEVERITY = {TradingState.ACTIVE: 0, TradingState.UNKNOWN: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}
STOP_CODES = frozenset(
    {"TRADING_HALTED", "REDUCE_ONLY", "KILLED", "BREAKER_OPEN", "BREAKER_HALF_OPEN", "NOT_IN_SESSION"}
)
"""Codes of refusals before any judgement of the order itself: no error rate counts them."""


def effective_state(trading_state: TradingState, breakers: BreakerSet) -> TradingState:
    """Returns the most severe of the operator's state and the open breakers' states. Kills are not part of it."""
    states = [trading_state, *(item.when_open for item in breakers.desk_stops)]
    states += [item.config.when_open for item in breakers.stopping if item.state is BreakerState.OPEN]
    return max(states, key=SEVERITY.__getitem__)


def breaker_reject(proposal: Proposal, reduces: bool) -> Reject | None:
    """Returns the refusal by an open breaker: by the first that halts, else by the first of all.

    reduces: the order can only reduce a position. A half-open breaker lets its trial orders pass.
    """
    subject, found = proposal.subject, list[tuple[TradingState, Reject]]()
    for stop in proposal.breakers.desk_stops:
        if stop.when_open is TradingState.HALTED or not reduces:
            text = f"{subject}: breaker {stop.name} of the desk is OPEN since risk event {stop.event_id}: {stop.text}"
            found.append((stop.when_open, Reject("BREAKER_OPEN", text, breaker=stop.name, event_id=stop.event_id)))
    for breaker in proposal.breakers.stopping:
        state = breaker.config.when_open
        if breaker.admits or (reduces and state is TradingState.REDUCING):
            continue
        half = breaker.state is BreakerState.HALF_OPEN
        code = "BREAKER_HALF_OPEN" if half else "BREAKER_OPEN"
        text = (
            f"{subject}: breaker {breaker.name} of account {proposal.account_id} is {breaker.state} "
            f"since risk event {breaker.event_id}"
        )
        text += ", its trial orders are on their way" if half else ""
        text += f": {breaker.why}; {breaker.remedy(proposal.account_id)}" if breaker.why else ""
        found.append((state, Reject(code, text, breaker=breaker.name, event_id=breaker.event_id)))
    return max(found, key=lambda item: SEVERITY[item[0]])[1] if found else None
