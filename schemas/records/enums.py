"""Enumerations of the records, named as in FIX; UNKNOWN is what a reader sees of a newer writer's symbol."""

from enum import StrEnum


class Action(StrEnum):
    """What a request asks for: FIX messages D, F, G and q."""

    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    CANCEL = "CANCEL"
    REPLACE = "REPLACE"
    MASS_CANCEL = "MASS_CANCEL"


class Side(StrEnum):
    """FIX tag 54."""

    UNKNOWN = "UNKNOWN"
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """FIX tag 40."""

    UNKNOWN = "UNKNOWN"
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"
    MARKET_IF_TOUCHED = "MARKET_IF_TOUCHED"


class TimeInForce(StrEnum):
    """FIX tag 59."""

    UNKNOWN = "UNKNOWN"
    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


class OffsetType(StrEnum):
    """FIX tag 836: unit of a trailing stop's distance, the currency or percent of the price."""

    UNKNOWN = "UNKNOWN"
    PRICE = "PRICE"
    PERCENT = "PERCENT"


class ExecType(StrEnum):
    """FIX tag 150; CANCEL_REJECT stands for the message OrderCancelReject (35=9), MASS_CANCEL for 35=r.

    RESTATED: the venue changed an order by itself. SPLIT: a notice to all accounts of a partition, of no order.
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


class OrdStatus(StrEnum):
    """FIX tag 39."""

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
    """FIX tag 851: ADDED is passive (maker), REMOVED aggressive (taker)."""

    UNKNOWN = "UNKNOWN"
    ADDED = "ADDED"
    REMOVED = "REMOVED"


class ResultSource(StrEnum):
    """Who decided an order result."""

    UNKNOWN = "UNKNOWN"
    RISK = "RISK"
    EXECUTION = "EXECUTION"


class EquityTrigger(StrEnum):
    """Why an equity record was written."""

    UNKNOWN = "UNKNOWN"
    SESSION_OPEN = "SESSION_OPEN"
    FILL = "FILL"
    INTERVAL = "INTERVAL"
    SESSION_CLOSE = "SESSION_CLOSE"
    BORROW_FEE = "BORROW_FEE"


class RiskEventKind(StrEnum):
    """What the risk side decided."""

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


class MarkKind(StrEnum):
    """HEARTBEAT carries time only; SPLIT says that prices from here on are those after it."""

    UNKNOWN = "UNKNOWN"
    QUOTE = "QUOTE"
    HEARTBEAT = "HEARTBEAT"
    SPLIT = "SPLIT"


class ControlKind(StrEnum):
    """An operator's command."""

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
    """CLOSED: orders pass; OPEN: the account is stopped; HALF_OPEN: a few orders are tried."""

    UNKNOWN = "UNKNOWN"
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class DeskReportKind(StrEnum):
    """SHARE: a shard's part of the desk; BREAKER: a breaker of the desk has a new state; REVOCATION: of a strategy."""

    UNKNOWN = "UNKNOWN"
    SHARE = "SHARE"
    BREAKER = "BREAKER"
    REVOCATION = "REVOCATION"


class TradingMode(StrEnum):
    """PAPER: the simulator executes; LIVE: an external adapter, where the gate has authorised the strategy."""

    UNKNOWN = "UNKNOWN"
    PAPER = "PAPER"
    LIVE = "LIVE"


class TradingState(StrEnum):
    """ACTIVE: all orders; REDUCING: only orders that reduce a position; HALTED: none."""

    UNKNOWN = "UNKNOWN"
    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class TradingLevel(StrEnum):
    """What the gate lets a strategy do: LIMITED_LIVE trades under reduced limits."""

    UNKNOWN = "UNKNOWN"
    PAPER_ONLY = "PAPER_ONLY"
    LIMITED_LIVE = "LIMITED_LIVE"
    FULL_LIVE = "FULL_LIVE"


class GateDecisionKind(StrEnum):
    """EVALUATED: by criteria; APPROVED: by a person; REVOKED: by either; TRIALS: how many strategies were tried."""

    UNKNOWN = "UNKNOWN"
    EVALUATED = "EVALUATED"
    APPROVED = "APPROVED"
    REVOKED = "REVOKED"
    TRIALS = "TRIALS"


class TestStatus(StrEnum):
    """Outcome of a test case, as in JUnit XML."""

    UNKNOWN = "UNKNOWN"
    PASSED = "PASSED"
    FAILED = "FAILED"
    ERROR = "ERROR"
    SKIPPED = "SKIPPED"
