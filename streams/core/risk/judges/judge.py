"""A judge answers a proposal for one control, whose numbers it holds, or for rules that no limit switches off."""

from __future__ import annotations

from typing import Protocol

from streams.core.risk.proposal import Proposal, Reject


class NumericControl(Protocol):
    """A streams.core.risk.control.Limit, as its judge calls it: above the limit, near it, or with a warning out."""

    def judge(self, proposal: Proposal, observed: int, limit: int, soft: int) -> Reject | None: ...


class Judge:
    """The judgement of a control."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """Returns the refusal, or None if the control has nothing against the request."""
        raise NotImplementedError


Judges = tuple[Judge, ...]


def first_reject(judges: Judges, proposal: Proposal) -> Reject | None:
    """Returns the refusal of the first judge that refuses; None if all agree."""
    for judge in judges:
        reject = judge.judge(proposal)
        if reject is not None:
            return reject
    return None
