"""The rules that no limit switches off, in groups that no control stands between."""

from __future__ import annotations

from streams.core.risk import form_controls as form
from streams.core.risk.judges.judge import Judge
from streams.core.risk.proposal import Proposal, Reject


class MayTrade(Judge):
    """Trading state and breakers."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        return form.trading_state(proposal) or form.breakers(proposal)


class Tradable(Judge):
    """The instrument may be traded."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        return form.tradable(proposal)


class WellFormed(Judge):
    """Currency, fields that go together, linked orders."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        return form.currency(proposal) or form.order_form(proposal) or form.linked_orders(proposal)


class InSteps(Judge):
    """The instrument's bounds of a quantity, its lot and its tick."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        return form.quantity_bounds(proposal) or form.lot_size(proposal) or form.tick_size(proposal)


class HasValue(Judge):
    """The order can be valued."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        return form.has_value(proposal)


class InRange(Judge):
    """Reduce-only orders, and the bounds of amounts."""

    def judge(self, proposal: Proposal) -> Reject | None:
        """See Judge."""
        return form.reduce_only(proposal) or form.amount_range(proposal)
