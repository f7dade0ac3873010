"""Enumerations of the records, named as in FIX. A reader sees UNKNOWN for a symbol of a newer writer."""

from enum import StrEnum


class Action(StrEnum):
    """The action of a request: FIX messages D, F, G and q."""

    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    CANCEL = "CANCEL"
    REPLACE = "REPLACE"
    MASS_CANCEL = "MASS_CANCEL"


class Side(StrEnum):
    """The side of an order (FIX tag 54)."""

    UNKNOWN = "UNKNOWN"
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """The type of an order (FIX tag 40)."""

    UNKNOWN = "UNKNOWN"
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"
    MARKET_IF_TOUCHED = "MARKET_IF_TOUCHED"


class TimeInForce(StrEnum):
    """The time in force of an order (FIX tag 59)."""

    UNKNOWN = "UNKNOWN"
    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


class OffsetType(StrEnum):
    """The unit of a trailing stop's distance: the currency, or percent of the price (FIX tag 836)."""

    UNKNOWN = "UNKNOWN"
    PRICE = "PRICE"
    PERCENT = "PERCENT"


class ExecType(StrEnum):
    """The event of an execution report (FIX tag 150).

    CANCEL_REJECT stands for the message OrderCancelReject (35=9), MASS_CANCEL for 35=r. RESTATED: the venue changed an
    order by itself, or says that it waits. SPLIT, FUNDING, DIVIDEND and SETTLEMENT: notices to all accounts of a
    partition, without an order.
    """

    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    PARTIAL_FILL = "PARTIAL_FILL"
    FILL = "FILL"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCEL_REJECT = "CANCEL_REJECT"
    TRIGGERED = "TRIGGERED"
    RESTATED = "RESTATED"
    SPLIT = "SPLIT"
    MASS_CANCEL = "MASS_CANCEL"
    FUNDING = "FUNDING"
    DIVIDEND = "DIVIDEND"
    SETTLEMENT = "SETTLEMENT"


class OrdStatus(StrEnum):
    """The status of an order (FIX tag 39)."""

    UNKNOWN = "UNKNOWN"
    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


TERMINAL_STATUSES = frozenset({OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.EXPIRED})


class Liquidity(StrEnum):
    """The liquidity of a fill (FIX tag 851): ADDED is passive (maker), REMOVED aggressive (taker)."""

    UNKNOWN = "UNKNOWN"
    ADDED = "ADDED"
    REMOVED = "REMOVED"


class ResultSource(StrEnum):
    """The side of the pipeline that decided an order result."""

    UNKNOWN = "UNKNOWN"
    RISK = "RISK"
    EXECUTION = "EXECUTION"


class EquityTrigger(StrEnum):
    """The reason for an equity record."""

    UNKNOWN = "UNKNOWN"
    SESSION_OPEN = "SESSION_OPEN"
    FILL = "FILL"
    INTERVAL = "INTERVAL"
    SESSION_CLOSE = "SESSION_CLOSE"
    BORROW_FEE = "BORROW_FEE"
    FUNDING = "FUNDING"
    DIVIDEND = "DIVIDEND"


class RiskEventKind(StrEnum):
    """The kind of a risk event."""

    UNKNOWN = "UNKNOWN"
    ORDER_REJECTED = "ORDER_REJECTED"
    SESSION_OPENED = "SESSION_OPENED"
    SESSION_CLOSED = "SESSION_CLOSED"
    TRADING_STATE_CHANGED = "TRADING_STATE_CHANGED"
    LIMITS_CHANGED = "LIMITS_CHANGED"
    CONTROL_REJECTED = "CONTROL_REJECTED"
    LIMIT_WARNING = "LIMIT_WARNING"
    BREAKER_TRANSITION = "BREAKER_TRANSITION"
    KILLED = "KILLED"
    RESUMED = "RESUMED"
    AUTHORISATION_CHANGED = "AUTHORISATION_CHANGED"
    RECORD_QUARANTINED = "RECORD_QUARANTINED"
    LIQUIDATION = "LIQUIDATION"


class MarkKind(StrEnum):
    """The kind of a mark. HEARTBEAT carries the time only; SPLIT: later prices are those after the split."""

    UNKNOWN = "UNKNOWN"
    QUOTE = "QUOTE"
    HEARTBEAT = "HEARTBEAT"
    SPLIT = "SPLIT"


class ControlKind(StrEnum):
    """The kind of an operator's command."""

    UNKNOWN = "UNKNOWN"
    SESSION_OPEN = "SESSION_OPEN"
    SESSION_CLOSE = "SESSION_CLOSE"
    TRADING_STATE = "TRADING_STATE"
    LIMITS = "LIMITS"
    KILL = "KILL"
    RESUME = "RESUME"
    BREAKER_RESET = "BREAKER_RESET"
    AUTHORISATION = "AUTHORISATION"


class BreakerState(StrEnum):
    """The state of a breaker. CLOSED: orders pass; OPEN: the account is stopped; HALF_OPEN: a few orders may pass."""

    UNKNOWN = "UNKNOWN"
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class DeskReportKind(StrEnum):
    """The kind of a desk report: a shard's share, a new state of a desk breaker, or a strategy's revocation."""

    UNKNOWN = "UNKNOWN"
    SHARE = "SHARE"
    BREAKER = "BREAKER"
    REVOCATION = "REVOCATION"


class TradingMode(StrEnum):
    """The mode of an order. PAPER: the simulator executes; LIVE: an external adapter, if the gate has authorised it."""

    UNKNOWN = "UNKNOWN"
    PAPER = "PAPER"
    LIVE = "LIVE"


class TradingState(StrEnum):
    """The orders that may trade. ACTIVE: all; REDUCING: only those that reduce a position; HALTED: none."""

    UNKNOWN = "UNKNOWN"
    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class TradingLevel(StrEnum):
    """The level at which the gate lets a strategy trade; LIMITED_LIVE has reduced limits."""

    UNKNOWN = "UNKNOWN"
    PAPER_ONLY = "PAPER_ONLY"
    LIMITED_LIVE = "LIMITED_LIVE"
    FULL_LIVE = "FULL_LIVE"


class GateDecisionKind(StrEnum):
    """A gate decision: by criteria, by a person, a revocation by either, or a count of the strategies tried."""

    UNKNOWN = "UNKNOWN"
    EVALUATED = "EVALUATED"
    APPROVED = "APPROVED"
    REVOKED = "REVOKED"
    TRIALS = "TRIALS"


class TestStatus(StrEnum):
    """The outcome of a test case, as in JUnit XML."""

    UNKNOWN = "UNKNOWN"
    PASSED = "PASSED"
    FAILED = "FAILED"
    ERROR = "ERROR"
    SKIPPED = "SKIPPED"
