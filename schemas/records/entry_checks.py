"""The checks of a record where it enters a shard: required fields, texts, times and numbers of each input topic.

A record that passes can't bring the core out of its types, and no field is missing that the core relies on. Rules that
depend on the state of a shard, or that a client hears as the reject of an order, stand in the core.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from schemas.records.bounds import (
    AHEAD_MAX_NS,
    FUNDING_RATE_MAX,
    ID_CHARS_MAX,
    SPLIT_MAX,
    TEXT_CHARS_MAX,
    TIME_MAX_NS,
    UPDATES_MAX,
)
from schemas.records.enums import Action, DeskReportKind, ExecType, MarkKind, OrderType, Side
from schemas.records.messages import (
    ApprovedOrder,
    Control,
    DeskReport,
    ExecutionReport,
    Mark,
    MarketData,
    OrderRequest,
)
from schemas.records.output import Message

FIELD_MISSING: Final = "FIELD_MISSING"
NUMBER_OUT_OF_RANGE: Final = "NUMBER_OUT_OF_RANGE"
TIME_OUT_OF_RANGE: Final = "TIME_OUT_OF_RANGE"
TEXT_TOO_LONG: Final = "TEXT_TOO_LONG"
TEXT_NOT_PLAIN: Final = "TEXT_NOT_PLAIN"
LIST_TOO_LONG: Final = "LIST_TOO_LONG"
FIRST_PRINTABLE, DELETE, LAST_CONTROL = 0x20, 0x7F, 0x9F


class Problem(NamedTuple):
    """The rule that a record breaks: a stable code, and a sentence that ends in the remedy."""

    code: str
    text: str


Rule = Callable[[Message], Problem | None]


class TopicChecks:
    """The checks of the records of a topic; fields are given by place.

    needed: texts that may not be empty. texts: all texts of clients, with their most characters. times: UTC
    nanoseconds. rule: what else the topic asks for.
    """

    def __init__(
        self,
        kind: type[Message],
        needed: tuple[str, ...],
        ids: tuple[str, ...],
        texts: tuple[str, ...],
        times: tuple[str, ...],
        rule: Rule | None,
        own: bool = False,
    ) -> None:
        """ids, texts: short and long texts. own: the pipeline writes the topic, with ids that it makes."""
        fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
        short = TEXT_CHARS_MAX if own else ID_CHARS_MAX
        self.needed = [fields.index(name) for name in needed]
        self.ids = [fields.index(name) for name in ids]
        self.texts = [fields.index(name) for name in texts]
        self.times = [fields.index(name) for name in times]
        self.id_chars_max = short
        self.rule = rule


def entry_problem(topic: str, message: Message, written_ns: int) -> Problem | None:
    """Returns the rule that a record of an input topic breaks; None if it may enter.

    written_ns: the broker's time of the record, UTC nanoseconds; 0 if it is not known.
    """
    checks = CHECKS[topic]
    for place in checks.needed:
        if not message[place]:
            return _missing(topic, message, place)
    for place in checks.ids:
        text = message[place]
        if text and (len(text) > checks.id_chars_max or not text.isprintable()):
            problem = _text_problem(topic, message, place, checks.id_chars_max)
            if problem is not None:
                return problem
    for place in checks.texts:
        text = message[place]
        if text and (len(text) > TEXT_CHARS_MAX or not text.isprintable()):
            problem = _text_problem(topic, message, place, TEXT_CHARS_MAX)
            if problem is not None:
                return problem
    for place in checks.times:
        time_ns = message[place]
        if time_ns is not None and not 0 <= time_ns <= TIME_MAX_NS:
            return _time_problem(f"{_name(message, place)} of this {topic} record", time_ns)
    if not 0 <= written_ns <= TIME_MAX_NS:
        return _time_problem(f"Kafka's time of this {topic} record", written_ns)
    if isinstance(message, MarketData):
        return _market_problem(message, written_ns)
    return None if checks.rule is None else checks.rule(message)


def text_problem(text: str, most: int) -> str | None:
    """Returns why a text is not taken, as the end of a sentence; None if it is plain and has at most so many chars."""
    if len(text) > most:
        return f"has {len(text)} characters; at most {most} are taken"
    for place, letter in enumerate(text):
        if ord(letter) < FIRST_PRINTABLE or DELETE <= ord(letter) <= LAST_CONTROL:
            return f"has the control character U+{ord(letter):04X} at place {place}; write it without"
    return None


def _name(message: Message, place: int) -> str:
    name: str = message._fields[place]  # type: ignore[attr-defined]
    return name


def _text_problem(topic: str, message: Message, place: int, most: int) -> Problem | None:
    why = text_problem(message[place], most)
    if why is None:
        return None
    code = TEXT_TOO_LONG if len(message[place]) > most else TEXT_NOT_PLAIN
    return Problem(code, f"{_name(message, place)} of this {topic} record {why}")


def _time_problem(subject: str, time_ns: int) -> Problem:
    text = f"{subject} is {time_ns}; times are UTC nanoseconds from 0 to {TIME_MAX_NS}, the year 2200"
    return Problem(TIME_OUT_OF_RANGE, text)


def _missing(topic: str, message: Message, place: int) -> Problem:
    return Problem(FIELD_MISSING, f"a {topic} record needs {_name(message, place)}; send it again with one")


def _market_problem(record: MarketData, written_ns: int) -> Problem | None:
    rows = len(record.kinds)
    if rows > UPDATES_MAX:
        text = f"this market.data record has {rows} updates; at most {UPDATES_MAX} are taken: send several records"
        return Problem(LIST_TOO_LONG, text)
    if rows and not record.symbol:
        return Problem(FIELD_MISSING, "a market.data record needs symbol, unless it is a heartbeat")
    latest_ns = TIME_MAX_NS if written_ns <= 0 else min(TIME_MAX_NS, written_ns + AHEAD_MAX_NS)
    last_ns = max(record.ts, int(record.times[-1])) if len(record.times) else record.ts
    if last_ns <= latest_ns:
        return None
    if latest_ns == TIME_MAX_NS:
        return _time_problem("a time of this market.data record", last_ns)
    text = (
        f"a time of this market.data record is {last_ns}, more than a day after {written_ns}, when the broker took it; "
        "correct the clock of the feed"
    )
    return Problem(TIME_OUT_OF_RANGE, text)


def _execution_problem(message: Message) -> Problem | None:
    assert isinstance(message, ExecutionReport)
    report = message
    subject, kind = f"execution {report.exec_id}", report.exec_type
    if kind is ExecType.SPLIT:
        return _split_problem(subject, report.symbol, report.split_to, report.split_of)
    if kind is ExecType.FUNDING or kind is ExecType.DIVIDEND:
        return _payment_problem(subject, report)
    if kind is ExecType.SETTLEMENT:
        return _settlement_problem(subject, report)
    if not report.order_id or not report.account_id:
        return Problem(FIELD_MISSING, f"{subject}: {kind} needs account_id and order_id")
    if report.cum_qty < 0 or not _is_positive_or_none(report.price) or not _is_positive_or_none(report.stop_price):
        return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: cum_qty is 0 or more, price and stop_price are above 0")
    if kind is ExecType.FILL or kind is ExecType.PARTIAL_FILL:
        if report.last_qty is None or report.last_px is None or report.side is Side.UNKNOWN:
            return Problem(FIELD_MISSING, f"{subject}: {kind} needs side, last_qty and last_px")
        if report.last_qty <= 0 or report.last_px <= 0:
            return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: last_qty and last_px of a {kind} are above 0")
    elif kind is ExecType.REPLACED or kind is ExecType.RESTATED:
        if report.order_qty is None:
            return Problem(FIELD_MISSING, f"{subject}: {kind} needs order_qty")
        if report.order_qty <= 0:
            return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: order_qty of a {kind} order is above 0")
    return None


def _mark_problem(message: Message) -> Problem | None:
    assert isinstance(message, Mark)
    mark = message
    subject = f"mark of {mark.symbol} at {mark.ts}"
    if mark.kind is MarkKind.SPLIT:
        return _split_problem(subject, mark.symbol, mark.split_to, mark.split_of)
    if mark.kind is not MarkKind.QUOTE:
        return None
    if not mark.symbol:
        return Problem(FIELD_MISSING, f"{subject}: a QUOTE needs symbol")
    if not _is_positive_or_none(mark.bid_px) or not _is_positive_or_none(mark.ask_px):
        return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: bid_px and ask_px are above 0, or null for an absent side")
    return None


def _split_problem(subject: str, symbol: str, to: int | None, of: int | None) -> Problem | None:
    if not symbol or to is None or of is None:
        return Problem(FIELD_MISSING, f"{subject}: a SPLIT needs symbol, split_to and split_of")
    if not (0 < to <= SPLIT_MAX and 0 < of <= SPLIT_MAX):
        text = f"{subject}: a split of {of} into {to}; both are whole numbers from 1 to {SPLIT_MAX}"
        return Problem(NUMBER_OUT_OF_RANGE, text)
    return None


def _payment_problem(subject: str, notice: ExecutionReport) -> Problem | None:
    rate, price, dividend = notice.funding_rate, notice.funding_px, notice.dividend
    if notice.exec_type is ExecType.DIVIDEND:
        if not notice.symbol or dividend is None:
            return Problem(FIELD_MISSING, f"{subject}: a DIVIDEND needs symbol and dividend")
        if dividend <= 0:
            return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: dividend is above 0")
        return None
    if not notice.symbol or rate is None or price is None:
        return Problem(FIELD_MISSING, f"{subject}: a FUNDING needs symbol, funding_rate and funding_px")
    if price <= 0 or not -FUNDING_RATE_MAX <= rate <= FUNDING_RATE_MAX:
        text = f"{subject}: funding_px is above 0, and funding_rate from -1 to 1: a share of the position's value"
        return Problem(NUMBER_OUT_OF_RANGE, text)
    return None


def _settlement_problem(subject: str, notice: ExecutionReport) -> Problem | None:
    if not notice.symbol or notice.settlement_px is None:
        return Problem(FIELD_MISSING, f"{subject}: a SETTLEMENT needs symbol and settlement_px")
    if notice.settlement_px <= 0:
        return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: settlement_px is above 0")
    return None


def _desk_problem(message: Message) -> Problem | None:
    assert isinstance(message, DeskReport)
    report = message
    subject, kind = f"desk report of {report.shard} at {report.ts}", report.kind
    if kind is DeskReportKind.SHARE and (
        report.equity is None or report.opening_cash is None or report.realised_pnl is None
    ):
        return Problem(FIELD_MISSING, f"{subject}: a SHARE needs equity, opening_cash and realised_pnl")
    if kind is DeskReportKind.BREAKER and not (report.breaker and report.event_id):
        return Problem(FIELD_MISSING, f"{subject}: a BREAKER report needs breaker and event_id")
    if kind is DeskReportKind.REVOCATION and not report.strategy_id:
        return Problem(FIELD_MISSING, f"{subject}: a REVOCATION needs strategy_id")
    if min(report.orders, report.cancels, report.business_rejects, report.technical_failures) < 0:
        return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: counts are 0 or more")
    return None


def _approved_problem(message: Message) -> Problem | None:
    assert isinstance(message, ApprovedOrder)
    order = message
    subject, action, kind = f"approved request {order.order_id}", order.action, order.order_type
    if action is Action.CANCEL:
        return None if order.orig_order_id else Problem(FIELD_MISSING, f"{subject}: CANCEL needs orig_order_id")
    if action is not Action.NEW and action is not Action.REPLACE:
        return Problem(FIELD_MISSING, f"{subject}: action must be NEW, CANCEL or REPLACE")
    if order.quantity is None or (action is Action.REPLACE and not order.orig_order_id):
        return Problem(FIELD_MISSING, f"{subject}: {action} needs quantity, and REPLACE needs orig_order_id")
    if order.quantity <= 0 or not _is_positive_or_none(order.price) or not _is_positive_or_none(order.stop_price):
        return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: quantity, price and stop_price are above 0")
    if action is Action.REPLACE:
        return None
    if not _is_positive_or_none(order.trailing_offset) or not _is_positive_or_none(order.display_quantity):
        return Problem(NUMBER_OUT_OF_RANGE, f"{subject}: trailing_offset and display_quantity are above 0")
    if order.side is Side.UNKNOWN or kind is OrderType.UNKNOWN:
        return Problem(FIELD_MISSING, f"{subject}: NEW needs side and order_type")
    if order.price is None and (kind is OrderType.LIMIT or kind is OrderType.STOP_LIMIT):
        return Problem(FIELD_MISSING, f"{subject}: a {kind} order needs price")
    if kind is OrderType.TRAILING_STOP and order.trailing_offset is None:
        return Problem(FIELD_MISSING, f"{subject}: a {kind} order needs trailing_offset")
    return None


def _is_positive_or_none(number: int | None) -> bool:
    return number is None or number > 0


_ORDER_IDS: Final = (
    "order_id",
    "orig_order_id",
    "account_id",
    "strategy_id",
    "symbol",
    "parent_order_id",
    "oco_group",
)
_CONTROL_NAMES: Final = ("breaker", "settings_sha256", "code_sha256")
CHECKS: Final[dict[str, TopicChecks]] = {
    "orders": TopicChecks(OrderRequest, ("order_id", "account_id"), _ORDER_IDS, (), ("ts", "expire_ts"), None),
    "executions": TopicChecks(
        ExecutionReport,
        ("exec_id",),
        ("exec_id", "order_id", "request_id", "account_id", "session_id", "strategy_id", "symbol", "reason_code"),
        ("text", "simulator"),
        ("quote_ts", "order_ts", "ts"),
        _execution_problem,
        own=True,
    ),
    "marks": TopicChecks(Mark, (), ("symbol",), (), ("ts",), _mark_problem, own=True),
    "controls": TopicChecks(
        Control,
        ("control_id",),
        ("control_id", "account_id", "session_id", "strategy_id", "currency", "actor", "symbol", *_CONTROL_NAMES),
        ("limits", "reason", "instruments", "authorisation", "parameters"),
        ("ts",),
        None,
    ),
    "desk": TopicChecks(
        DeskReport,
        ("shard",),
        ("shard", "currency", "breaker", "event_id", "strategy_id"),
        ("text",),
        ("ts",),
        _desk_problem,
        own=True,
    ),
    "orders.approved": TopicChecks(
        ApprovedOrder,
        ("order_id", "account_id", "symbol"),
        (*_ORDER_IDS, "approval_id", "session_id"),
        (),
        ("order_ts", "ts", "expire_ts"),
        _approved_problem,
        own=True,
    ),
    "market.data": TopicChecks(MarketData, (), ("symbol", "source"), (), ("ts",), None),
}
"""The checks of each input topic of the shards."""
