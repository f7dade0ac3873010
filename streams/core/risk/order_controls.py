"""Controls of a single order: its instrument, type, quantity, price and time."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from schemas.records.enums import OrderType, TimeInForce
from schemas.records.numbers import NANOS_PER_MS, PRICE_SCALE, money_text, price_text, to_price
from streams.core.reference.fields import Count, Millis, MillisOrNone, PositiveDecimal
from streams.core.risk.control import Limit, RiskControl
from streams.core.risk.judges import order_judges as judges
from streams.core.risk.judges.judge import Judge
from streams.core.risk.limit_kinds import CountLimit, MoneyLimit, QuantityLimit
from streams.core.risk.proposal import Near, Proposal, Reject


class RestrictedList(RiskControl):
    """Securities that the account may not trade, in either direction (SEC 15c3-5 (c)(2)(ii))."""

    code: ClassVar[str] = "RESTRICTED"
    alone: ClassVar[str] = "symbols"

    symbols: tuple[Annotated[str, Field(min_length=1)], ...]

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.NotOnList(self, frozenset(self.symbols))

    def refuse(self, proposal: Proposal) -> Reject:
        """Returns the refusal of a security on the list."""
        text = f"{proposal.subject}: {proposal.symbol} is on the restricted list of the account"
        return Reject(self.code, text, None, proposal.symbol)


class OrderTypes(RiskControl):
    """Order types that the account may use (FIA: pre-set permissions)."""

    code: ClassVar[str] = "ORDER_TYPE"
    alone: ClassVar[str] = "allowed"

    allowed: Annotated[tuple[OrderType, ...], Field(min_length=1)]

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.TypeAllowed(self, self.allowed)

    def refuse(self, proposal: Proposal) -> Reject:
        """Returns the refusal of another type."""
        asked, allowed = proposal.asked.order_type, self.allowed
        text = f"{proposal.subject}: order type {asked} is not one that the account may use: {', '.join(allowed)}"
        return Reject(self.code, text, ",".join(allowed), asked.value)


class TimesInForce(RiskControl):
    """Times in force that the account may use (FIA: pre-set permissions)."""

    code: ClassVar[str] = "TIME_IN_FORCE"
    alone: ClassVar[str] = "allowed"

    allowed: Annotated[tuple[TimeInForce, ...], Field(min_length=1)]

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.TimeAllowed(self, self.allowed)

    def refuse(self, proposal: Proposal) -> Reject:
        """Returns the refusal of another time in force."""
        asked, allowed = proposal.asked.time_in_force, self.allowed
        text = f"{proposal.subject}: time in force {asked} is not one that the account may use: {', '.join(allowed)}"
        return Reject(self.code, text, ",".join(allowed), asked.value)


class MinOrderQuantity(RiskControl):
    """The account's own minimum quantity of an order, beside the instrument's."""

    code: ClassVar[str] = "MIN_ORDER_QUANTITY"

    limit: PositiveDecimal

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.QuantityAtLeast(self, to_price(self.limit))

    def refuse(self, proposal: Proposal, least: int) -> Reject:
        """Returns the refusal of a smaller quantity. least: 1e-9 units."""
        asked, limit = price_text(proposal.quantity), price_text(least)
        text = f"{proposal.subject}: quantity {asked} is below the account's minimum {limit}"
        return Reject(self.code, text, limit, asked)


class MaxOrderQuantity(QuantityLimit):
    """Maximum order volume (RTS 6 article 15 (1)(c); SEC 15c3-5 (c)(1)(ii), size)."""

    code: ClassVar[str] = "MAX_ORDER_QUANTITY"

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.QuantityAtMost(self, self.fixed, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"quantity {observed} is above the account's limit {limit}"


class MinOrderNotional(RiskControl):
    """The smallest value of an order in the instrument's currency, at its price or the mark."""

    code: ClassVar[str] = "MIN_ORDER_NOTIONAL"

    limit: PositiveDecimal

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.NotionalAtLeast(self, to_price(self.limit) * PRICE_SCALE)

    def refuse(self, proposal: Proposal, notional: int, least: int) -> Reject:
        """Returns the refusal of a smaller value. Both in 1e-18 of the currency."""
        asked, limit = money_text(notional), money_text(least)
        text = f"{proposal.subject}: notional {asked} is below the account's minimum {limit}"
        return Reject(self.code, text, limit, asked)


class MaxOrderNotional(MoneyLimit):
    """Maximum order value in the instrument's currency, at its price or the mark (RTS 6 article 15 (1)(b))."""

    code: ClassVar[str] = "MAX_ORDER_NOTIONAL"

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.NotionalAtMost(self, self.fixed, self.soft_fixed)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"notional {observed} is above the account's limit {limit}"


class SessionHours(RiskControl):
    """Orders outside of the instrument's hours are refused: its calendar, time zone, day_start and day_end.

    Before the first market time nothing is closed: the order waits for its market.
    """

    code: ClassVar[str] = "MARKET_CLOSED"

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.MarketOpen(self)

    def refuse(self, proposal: Proposal) -> Reject:
        """Returns the refusal of an order outside of the hours."""
        text = f"{proposal.subject}: the market of {proposal.symbol} is closed at this time; send it in its hours"
        return Reject(self.code, text)


class StaleMark(RiskControl):
    """An order needs a mark that is not older than max_age_ms of market time (FIA: market data check).

    The marks of all symbols and heartbeats move market time. If all of them stop, no mark becomes stale.
    """

    code: ClassVar[str] = "STALE_MARK"
    alone: ClassVar[str] = "max_age_ms"

    max_age_ms: MillisOrNone

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.MarkFresh(self, self.max_age_ms * NANOS_PER_MS)

    def refuse(self, proposal: Proposal) -> Reject:
        """Returns the refusal of an order without a mark, or with an old one."""
        if proposal.mark_ns is None:
            text = f"{proposal.subject}: no mark of {proposal.symbol} yet; wait for market data"
            return Reject(self.code, text, str(self.max_age_ms), None)
        age_ms = str(-(-(proposal.market_ns - proposal.mark_ns) // NANOS_PER_MS))
        text = (
            f"{proposal.subject}: the mark of {proposal.symbol} is {age_ms} ms old, the limit is {self.max_age_ms} ms; "
            "wait for market data"
        )
        return Reject(self.code, text, str(self.max_age_ms), age_ms)


class PriceCollar(Limit):
    """A limit price that pays too much: above the mark for a buy, below it for a sell, by more than the collar.

    The collar is the larger of percent and ticks, like exchanges' price bands (RTS 6 article 15 (1)(a); SEC 15c3-5
    (c)(1)(ii), price). A price on the passive side of the market is no error: the order rests. The limit of a
    stop-limit order is judged against its stop price if that lies further on the paying side. The stop price itself is
    a condition and is not judged. Without a mark the control passes; StaleMark refuses such orders.
    """

    code: ClassVar[str] = "PRICE_COLLAR"
    alone: ClassVar[str] = "percent"

    percent: PositiveDecimal | None = None
    ticks: Count | None = None

    @model_validator(mode="after")
    def _has_one(self) -> PriceCollar:
        if self.percent is None and self.ticks is None:
            raise ValueError("a collar needs percent, ticks or both")
        return self

    def make_judge(self) -> Judge:
        """See RiskControl."""
        percent = 0 if self.percent is None else to_price(self.percent)
        return judges.InCollar(self, percent, self.ticks or 0, self.soft_share)

    def judge_beyond(self, proposal: Proposal, price: int, mark: int, collar: int, beyond: int) -> Reject | None:
        """Judges a price by how far it lies beyond the mark. All in 1e-9 of the currency."""
        if beyond * PRICE_SCALE < collar * self.soft_share:
            proposal.far.append(self)
            return None
        bound = mark + collar if proposal.buys else mark - collar
        if beyond > collar:
            return self.refuse(proposal, price, bound)
        proposal.near.append(Near(self, price, bound))
        return None

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        assert proposal.mark_price is not None
        way = "above" if proposal.buys else "below"
        return f"price {observed} is {way} {limit}, the collar around the mark {price_text(proposal.mark_price)}"


class RepeatedOrder(CountLimit):
    """The same order (symbol, side, quantity, price, stop price) may come at most `limit` times in a window.

    New orders count when they arrive, even if they are refused (SEC 15c3-5 (c)(1)(ii), duplicative orders). A replace
    repeats no order.
    """

    code: ClassVar[str] = "REPEATED_ORDER"

    window_ms: Millis = 1_000

    def make_judge(self) -> Judge:
        """See RiskControl."""
        return judges.NotRepeated(self, self.limit, self.soft_fixed, self.window_ms * NANOS_PER_MS)

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return (
            f"it is the same order as {int(observed) - 1} others of the last {self.window_ms} ms, {limit} may be alike"
        )
