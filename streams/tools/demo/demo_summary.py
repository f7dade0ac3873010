"""A summary of a demonstration's orders, fills and accounts, read from its topics."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import EquityTrigger
from schemas.records.messages import Fill
from schemas.records.numbers import money_text, price_text
from streams.core.simulators.mock_executor import MOCK
from streams.evidence.mock_notice import mock_notice
from streams.pipeline.clients.read_topic import read_topic
from streams.tools.demo.arrivals import arrivals

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """Rows for tables and JSON; amounts are decimal text."""

    results: list[Row]
    fills: list[Row]
    accounts: list[Row]
    positions: list[Row]
    arrivals: list[Row]
    compared: list[Row]
    """The accounts that traded the same on two simulators."""
    mock: str | None
    """The line that says how many fills are mock."""


def summarise(settings: Settings, codec: Codec) -> DemoSummary:
    """Returns results by kind, fills by symbol, accounts, positions, how late orders came, and what is mock."""
    fills = list(read_topic(settings, codec, "fills"))
    accounts = _accounts(settings, codec, fills)
    return DemoSummary(
        _results(settings, codec),
        _fills(fills),
        accounts,
        _positions(settings, codec),
        arrivals(settings, codec),
        _compared(accounts),
        mock_notice(sum(item.simulator == MOCK for item in fills), len(fills)),
    )


def _results(settings: Settings, codec: Codec) -> list[Row]:
    counted = Counter(
        (str(item.exec_type), item.reason_code or "") for item in read_topic(settings, codec, "order.results")
    )
    return [{"result": kind, "reason": reason, "count": number} for (kind, reason), number in counted.most_common()]


def _fills(fills: list[Fill]) -> list[Row]:
    groups: dict[tuple[str, str, str], list[Fill]] = defaultdict(list)
    for item in fills:
        groups[item.symbol, str(item.liquidity), item.currency].append(item)
    return [
        {
            "symbol": symbol,
            "liquidity": liquidity,
            "fills": len(group),
            "quantity": price_text(sum(item.quantity for item in group)),
            "notional": money_text(sum(item.notional for item in group)),
            "commission": money_text(sum(item.commission for item in group)),
            "currency": currency,
        }
        for (symbol, liquidity, currency), group in sorted(groups.items())
    ]


def _accounts(settings: Settings, codec: Codec, fills: list[Fill]) -> list[Row]:
    opening, last = {}, {}
    filled = Counter(item.account_id for item in fills)
    simulators = {item.account_id: item.simulator for item in fills}
    for item in read_topic(settings, codec, "account.equity"):
        if item.trigger is EquityTrigger.SESSION_OPEN:
            opening[item.account_id] = item.equity
        last[item.account_id] = item
    return [
        {
            "account": account_id,
            "simulator": simulators.get(account_id),
            "fills": filled[account_id],
            "opening_cash": money_text(opening[account_id]),
            "equity": money_text(item.equity),
            "pnl": money_text(item.equity - opening[account_id]),
            "realised_pnl": money_text(item.realised_pnl),
            "commission": money_text(item.commission),
            "currency": item.currency,
        }
        for account_id, item in sorted(last.items())
    ]


def _compared(accounts: list[Row]) -> list[Row]:
    twins = {row["account"].removesuffix(f":{MOCK}") for row in accounts if row["account"].endswith(f":{MOCK}")}
    return [row for row in accounts if row["account"].removesuffix(f":{MOCK}") in twins]


def _positions(settings: Settings, codec: Codec) -> list[Row]:
    newest = {(item.account_id, item.symbol): item for item in read_topic(settings, codec, "positions")}
    return [
        {
            "account": account_id,
            "symbol": symbol,
            "quantity": price_text(item.quantity),
            "avg_px": price_text(item.avg_px) if item.avg_px is not None else "",
            "realised_pnl": money_text(item.realised_pnl),
        }
        for (account_id, symbol), item in sorted(newest.items())
    ]
