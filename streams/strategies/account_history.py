"""An account as the pipeline's records tell it: what a strategy that starts, or starts again, finds.

Each fill makes one result, one equity record and one position report, in this order of booking. So the results that an
equity record or a position report does not know yet can be told, whatever is booked while the topics are read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import EquityTrigger, Side
from schemas.records.messages import AccountEquity, OrderRequest, OrderResult, PositionReport
from streams.core.reference.instruments import Instrument
from streams.pipeline.clients.account_topics import read_account_topic
from streams.strategies.own_account import OwnAccount

OWN_NUMBER = re.compile(r"-([0-9]{1,15})")


class AccountHistory(NamedTuple):
    """An account at a place of the topic order.results.

    Attributes:
        session_id: its open session; None: none is open.
        account: positions, cash and open orders, those included that are still on their way.
        results: those of the session, oldest first.
        number: largest number of an id that a strategy of the account has given; 0: none.
        sent_ns: newest ts of a request, UTC nanoseconds; 0: none.
        starts: the offset of the first result that is not in it, by topic and partition.
    """

    session_id: str | None
    account: OwnAccount
    results: tuple[OrderResult, ...]
    number: int
    sent_ns: int
    starts: Mapping[tuple[str, int], int]


def read_account_history(
    settings: Settings, codec: Codec, account_id: str, instruments: Mapping[str, Instrument]
) -> AccountHistory:
    """Returns an account as its topics tell it now. instruments: those that the strategy trades, by symbol.

    Raises TopicError, LogUnavailable.
    """
    # In this order: results are newer than what is compared with them, and no request is newer than its own reading.
    equities = read_account_topic(settings, codec, "account.equity", account_id)
    reports = read_account_topic(settings, codec, "positions", account_id)
    results = read_account_topic(settings, codec, "order.results", account_id)
    requests = read_account_topic(settings, codec, "orders", account_id)
    messages = (equities.messages, reports.messages, results.messages, requests.messages)
    found = account_history(account_id, instruments, *messages)
    return found._replace(starts={("order.results", results.partition): results.next_offset})


def account_history(
    account_id: str,
    instruments: Mapping[str, Instrument],
    equities: Sequence[AccountEquity],
    reports: Iterable[PositionReport],
    results: Sequence[OrderResult],
    requests: Sequence[OrderRequest],
) -> AccountHistory:
    """Returns the account of these records, each in the order of its topic, and each read after those before it."""
    session = _newest_session(equities)
    session_id = session[0].session_id if session else None
    of_session = [result for result in results if result.session_id == session_id and not result.poss_resend]
    account = OwnAccount(session[-1].cash if session else None, instruments)
    fills = [result for result in of_session if result.last_qty is not None]
    known = sum(equity.trigger is EquityTrigger.FILL for equity in session)
    for result in of_session:
        account.note(result)
    for result in fills[known:]:
        account.pay(result)
    account.positions = _positions(fills, [report for report in reports if report.session_id == session_id])
    answered = {result.order_id for result in results}
    account.sent(request for request in requests if request.order_id not in answered)
    is_open = bool(session) and all(item.trigger is not EquityTrigger.SESSION_CLOSE for item in session)
    return AccountHistory(
        session_id if is_open else None,
        account,
        tuple(of_session),
        max((_number(account_id, name) for name in _names(results, requests)), default=0),
        max((request.ts for request in requests), default=0),
        {},
    )


def _newest_session(equities: Sequence[AccountEquity]) -> list[AccountEquity]:
    """Returns the equities of the newest session; empty if there was none."""
    starts = [number for number, item in enumerate(equities) if item.trigger is EquityTrigger.SESSION_OPEN]
    return list(equities[starts[-1] :]) if starts else []


def _positions(fills: Sequence[OrderResult], reports: Iterable[PositionReport]) -> dict[str, int]:
    """Returns the quantity by symbol: the newest report's, and the fills that came after it."""
    newest = {report.symbol: report for report in reports}
    positions: dict[str, int] = {}
    for symbol in dict.fromkeys([*newest, *(fill.symbol for fill in fills)]):
        of_symbol = [fill for fill in fills if fill.symbol == symbol]
        report = newest.get(symbol)
        quantity = 0 if report is None else report.quantity
        for fill in of_symbol[0 if report is None else _known_fills(of_symbol, report) :]:
            quantity += (fill.last_qty or 0) if fill.side is Side.BUY else -(fill.last_qty or 0)
        positions[symbol] = quantity
    return positions


def _known_fills(fills: Sequence[OrderResult], report: PositionReport) -> int:
    """Returns how many of a symbol's fills a report knows. A report of a split or a payment names none."""
    for number, fill in enumerate(fills, start=1):
        if fill.exec_id == report.exec_id:
            return number
    return sum(fill.ts <= report.ts for fill in fills)


def _names(results: Iterable[OrderResult], requests: Iterable[OrderRequest]) -> Iterable[str]:
    for result in results:
        yield result.order_id
        yield result.request_id or ""
    for request in requests:
        yield request.order_id
        yield request.oco_group or ""


def _number(account_id: str, name: str) -> int:
    matched = OWN_NUMBER.fullmatch(name, len(account_id)) if name.startswith(account_id) else None
    return int(matched[1]) if matched else 0
