"""A judge answers a proposal for one control, whose numbers it holds, or for rules that no limit switches off."""

from __future__ import annotations

from typing import Protocol

from streams.core.risk.proposal import Proposal, Reject


class NumericControl(Protocol):
    """A streams.core.risk.control.Limit, as its judge calls it: above the limit, near it, or with a warning out."""

    def judge(self, proposal: Proposal, observed: int, limit: int, soft: int) -> Reject | None: ...

    def refuse(self, proposal: Proposal, observed: int, limit: int) -> Reject: ...


class PlainControl(Protocol):
    """A control without a number that may come near its limit, as its judge calls it."""

    def refuse(self, proposal: Proposal) -> Reject: ...


class Judge:
    """The judgement of a control."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """Returns the refusal, or None if the control has nothing against the request."""
        raise NotImplementedError


class LimitJudge(Judge):
    """The judge of a Limit. limit, soft: the number that it may reach, and the smallest that warns."""

    def __init__(self, control: NumericControl, limit: int, soft: int) -> None:
        self._control = control
        self._limit = limit
        self._soft = soft


Judges = tuple[Judge, ...]


def first_reject(judges: Judges, proposal: Proposal) -> Reject | None:
    """Returns the refusal of the first judge that refuses; None if all agree."""
    for judge in judges:
        reject = judge.judge(proposal)
        if reject is not None:
            return reject
    return None
