"""Controls of a single order: its instrument, type, quantity, price and time."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from schemas.records.enums import OrderType, TimeInForce
from schemas.records.numbers import NANOS_PER_MS, PRICE_SCALE, money_text, price_text, to_price
from streams.core.reference.fields import Count, Millis, MillisOrNone, PositiveDecimal
from streams.core.risk.control import Check, Limit, RiskControl
from streams.core.risk.limit_kinds import CountLimit, MoneyLimit, QuantityLimit
from streams.core.risk.proposal import Near, Proposal, Reject

PERCENT = 100


class RestrictedList(RiskControl):
    """Securities that the account may not trade, in either direction (SEC 15c3-5 (c)(2)(ii))."""

    code: ClassVar[str] = "RESTRICTED"
    alone: ClassVar[str] = "symbols"

    symbols: tuple[Annotated[str, Field(min_length=1)], ...]

    def checker(self) -> Check:
        """See RiskControl."""
        symbols = frozenset(self.symbols)

        def check(proposal: Proposal) -> Reject | None:
            if proposal.symbol not in symbols:
                return None
            text = f"{proposal.subject}: {proposal.symbol} is on the restricted list of the account"
            return Reject(self.code, text, None, proposal.symbol)

        return check


class OrderTypes(RiskControl):
    """Order types that the account may use (FIA: pre-set permissions)."""

    code: ClassVar[str] = "ORDER_TYPE"
    alone: ClassVar[str] = "allowed"

    allowed: Annotated[tuple[OrderType, ...], Field(min_length=1)]

    def checker(self) -> Check:
        """See RiskControl."""
        allowed = self.allowed

        def check(proposal: Proposal) -> Reject | None:
            asked = proposal.asked.order_type
            if asked in allowed:
                return None
            text = f"{proposal.subject}: order type {asked} is not one that the account may use: {', '.join(allowed)}"
            return Reject(self.code, text, ",".join(allowed), asked.value)

        return check


class TimesInForce(RiskControl):
    """Times in force that the account may use (FIA: pre-set permissions)."""

    code: ClassVar[str] = "TIME_IN_FORCE"
    alone: ClassVar[str] = "allowed"

    allowed: Annotated[tuple[TimeInForce, ...], Field(min_length=1)]

    def checker(self) -> Check:
        """See RiskControl."""
        allowed = self.allowed

        def check(proposal: Proposal) -> Reject | None:
            asked = proposal.asked.time_in_force
            if asked in allowed:
                return None
            text = (
                f"{proposal.subject}: time in force {asked} is not one that the account may use: {', '.join(allowed)}"
            )
            return Reject(self.code, text, ",".join(allowed), asked.value)

        return check


class MinOrderQuantity(RiskControl):
    """The account's own minimum quantity of an order, beside the instrument's."""

    code: ClassVar[str] = "MIN_ORDER_QUANTITY"

    limit: PositiveDecimal

    def checker(self) -> Check:
        """See RiskControl."""
        fixed = to_price(self.limit)

        def check(proposal: Proposal) -> Reject | None:
            if proposal.quantity >= fixed:
                return None
            asked, limit = price_text(proposal.quantity), price_text(fixed)
            text = f"{proposal.subject}: quantity {asked} is below the account's minimum {limit}"
            return Reject(self.code, text, limit, asked)

        return check


class MaxOrderQuantity(QuantityLimit):
    """Maximum order volume (RTS 6 article 15 (1)(c); SEC 15c3-5 (c)(1)(ii), size)."""

    code: ClassVar[str] = "MAX_ORDER_QUANTITY"

    def checker(self) -> Check:
        """See RiskControl."""
        fixed, soft = self.fixed, self.soft_fixed

        def check(proposal: Proposal) -> Reject | None:
            quantity = proposal.quantity
            if quantity < soft and not proposal.warned:
                return None
            return self.judge(proposal, quantity, fixed, soft)

        return check

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"quantity {observed} is above the account's limit {limit}"


class MinOrderNotional(RiskControl):
    """The smallest value of an order in the instrument's currency, at its price or the mark."""

    code: ClassVar[str] = "MIN_ORDER_NOTIONAL"

    limit: PositiveDecimal

    def checker(self) -> Check:
        """See RiskControl."""
        fixed = to_price(self.limit) * PRICE_SCALE

        def check(proposal: Proposal) -> Reject | None:
            assert proposal.reference_price is not None
            notional = proposal.quantity * proposal.reference_price
            if notional >= fixed:
                return None
            asked, limit = money_text(notional), money_text(fixed)
            text = f"{proposal.subject}: notional {asked} is below the account's minimum {limit}"
            return Reject(self.code, text, limit, asked)

        return check


class MaxOrderNotional(MoneyLimit):
    """Maximum order value in the instrument's currency, at its price or the mark (RTS 6 article 15 (1)(b))."""

    code: ClassVar[str] = "MAX_ORDER_NOTIONAL"

    def checker(self) -> Check:
        """See RiskControl."""
        fixed, soft = self.fixed, self.soft_fixed

        def check(proposal: Proposal) -> Reject | None:
            assert proposal.reference_price is not None
            notional = proposal.quantity * proposal.reference_price
            if notional < soft and not proposal.warned:
                return None
            return self.judge(proposal, notional, fixed, soft)

        return check

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return f"notional {observed} is above the account's limit {limit}"


class SessionHours(RiskControl):
    """Orders outside of the instrument's hours are refused: its calendar, time zone, day_start and day_end.

    Before the first market time nothing is closed: the order waits for its market.
    """

    code: ClassVar[str] = "MARKET_CLOSED"

    def checker(self) -> Check:
        """See RiskControl."""
        return self._check

    def _check(self, proposal: Proposal) -> Reject | None:
        if proposal.now_ns == 0 or proposal.instrument.is_open(proposal.now_ns):
            return None
        text = f"{proposal.subject}: the market of {proposal.symbol} is closed at this time; send it in its hours"
        return Reject(self.code, text)


class StaleMark(RiskControl):
    """An order needs a mark that is not older than max_age_ms of market time (FIA: market data check).

    The marks of all symbols and heartbeats move market time. If all of them stop, no mark becomes stale.
    """

    code: ClassVar[str] = "STALE_MARK"
    alone: ClassVar[str] = "max_age_ms"

    max_age_ms: MillisOrNone

    def checker(self) -> Check:
        """See RiskControl."""
        most_ns = self.max_age_ms * NANOS_PER_MS

        def check(proposal: Proposal) -> Reject | None:
            mark_ns = proposal.mark_ns
            if mark_ns is not None and proposal.market_ns - mark_ns <= most_ns:
                return None
            return self._refuse(proposal)

        return check

    def _refuse(self, proposal: Proposal) -> Reject:
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

    def checker(self) -> Check:
        """See RiskControl."""
        percent = 0 if self.percent is None else to_price(self.percent)
        ticks, share = self.ticks or 0, self.soft_share

        def check(proposal: Proposal) -> Reject | None:
            price, mark, stop = proposal.asked.price, proposal.mark_price, proposal.asked.stop_price
            if price is None or mark is None:
                return None
            if stop is not None:
                mark = max(mark, stop) if proposal.buys else min(mark, stop)
            collar = max(mark * percent // (PERCENT * PRICE_SCALE), ticks * proposal.instrument.tick_size)
            beyond = price - mark if proposal.buys else mark - price
            if beyond * PRICE_SCALE < collar * share:
                if proposal.warned:
                    proposal.far.append(self)
                return None
            bound = mark + collar if proposal.buys else mark - collar
            if beyond > collar:
                return self.refuse(proposal, price, bound)
            proposal.near.append(Near(self, price, bound))
            return None

        return check

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

    def checker(self) -> Check:
        """See RiskControl."""
        limit, soft, window_ns = self.limit, self.soft_fixed, self.window_ms * NANOS_PER_MS

        def check(proposal: Proposal) -> Reject | None:
            if proposal.replaced is not None:
                return None
            count = proposal.memory.repeats.count_newest(proposal.now_ns, window_ns)
            if count < soft and not proposal.warned:
                return None
            return self.judge(proposal, count, limit, soft)

        return check

    def sentence(self, proposal: Proposal, observed: str, limit: str) -> str:
        """See Limit."""
        return (
            f"it is the same order as {int(observed) - 1} others of the last {self.window_ms} ms, {limit} may be alike"
        )
