"""Records that the account shard builds from others take over the fields of the same names, and each has its place."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.records.enums import EquityTrigger, ResultSource
from schemas.records.messages import (
    AccountEquity,
    ApprovedOrder,
    ExecutionReport,
    Fill,
    OrderRequest,
    OrderResult,
    PositionReport,
)
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.account_records import DETAILS, INSTRUCTIONS, TERMS
from streams.core.accounts.state.first_answers import FirstAnswers
from streams.core.ledger.exposure import Valuation
from streams.core.ledger.ledger import Ledger, SeenIds
from streams.core.ledger.position import Position
from streams.core.risk.limits import RiskLimits
from streams.core.risk.memory import Memory
from tests.builders import PROPERTY
from tests.schemas.avro.strategies import messages

AMOUNTS = st.integers(-(10**24), 10**24)
POSITIONS = st.builds(Position, st.integers(1, 10**15), *(AMOUNTS,) * 6)


def account(positions: dict[str, Position], cash: int = 10**24) -> Account:
    ledger = Ledger("A", "USD", cash, SeenIds(1), positions=positions)
    return Account(ledger, "session-1", "momentum", 10**24, RiskLimits(), FirstAnswers(1), Memory(), 2 * 10**24)


def shared(record: Any, kind: type[Any]) -> dict[str, Any]:
    """Returns the values of the fields that a record has in common with another kind, by name."""
    return {name: value for name, value in record._asdict().items() if name in kind._fields}


def test_an_approved_order_begins_and_ends_with_the_fields_of_its_request() -> None:
    assert OrderRequest._fields[:TERMS] == ApprovedOrder._fields[:TERMS]
    assert OrderRequest._fields[TERMS - 1] == "price"
    ending = OrderRequest._fields[INSTRUCTIONS:]
    assert ending[0] == "stop_price"
    assert ending == ApprovedOrder._fields[-len(ending) :]


def test_a_result_carries_the_details_of_its_execution_report() -> None:
    details = ExecutionReport._fields[:DETAILS]
    assert details == OrderResult._fields[2 : 2 + DETAILS]
    assert (details[0], details[-1]) == ("exec_id", "text")


@given(messages("orders"))
@PROPERTY
def test_an_approved_order_has_each_value_under_its_name(request: OrderRequest) -> None:
    made = records.approved(request, "session-1", "a0-7", 99)
    own = {"approval_id": "a0-7", "session_id": "session-1", "order_ts": request.ts, "ts": 99}
    assert made == ApprovedOrder(**(shared(request, ApprovedOrder) | own))
    assert type(made) is ApprovedOrder


@given(messages("executions"))
@PROPERTY
def test_a_result_has_each_value_under_its_name(report: ExecutionReport) -> None:
    made = records.execution_result(report, "a0-7", 99)
    own = {"result_id": "a0-7", "source": ResultSource.EXECUTION, "ts": 99, "limit_value": None, "observed_value": None}
    decided = {"terminal": made.terminal, "fix_reason": made.fix_reason}
    assert made == OrderResult(**(shared(report, OrderResult) | own | decided))
    assert type(made) is OrderResult


@given(messages("executions"), POSITIONS, st.none() | st.integers(1, 10**12))
@PROPERTY
def test_a_fill_has_each_value_under_its_name(report: ExecutionReport, held: Position, rate: int | None) -> None:
    report = report._replace(last_qty=7, last_px=11)
    made = records.fill(report, account({}, cash=5), held, 123, "EUR", rate)
    own = {"session_id": "session-1", "quantity": 7, "price": 11, "notional": 77}
    booked = {"realised_pnl": 123, "position_qty": held.quantity, "position_avg_px": held.average_price, "cash": 5}
    money = {"commission": report.commission or 0, "currency": "EUR", "fx_rate": rate}
    money["account_currency"] = None if rate is None else "USD"
    assert made == Fill(**(shared(report, Fill) | own | booked | money))
    assert type(made) is Fill


@given(POSITIONS)
@PROPERTY
def test_a_position_report_has_each_value_under_its_name(held: Position) -> None:
    made = records.position_report(account({"ABC": held}), "ABC", held, "x-1", 99)
    assert made == PositionReport(
        account_id="A",
        symbol="ABC",
        session_id="session-1",
        quantity=held.quantity,
        avg_px=held.average_price,
        cost=held.cost,
        realised_pnl=held.gross_realised - held.commission,
        commission=held.commission,
        currency="USD",
        exec_id="x-1",
        ts=99,
        borrow_fees=held.borrow_fees,
        funding=held.funding,
        dividends=held.dividends,
    )
    assert type(made) is PositionReport


@given(st.lists(POSITIONS, max_size=4), AMOUNTS, st.integers(0, 10**24))
@PROPERTY
def test_an_equity_record_sums_over_the_positions(held: list[Position], value: int, gross: int) -> None:
    owner = account({f"S{number}": item for number, item in enumerate(held)}, cash=10**23)
    valuation = Valuation(10**23, value, gross, gross, 10**9)
    made = records.equity(owner, valuation, EquityTrigger.FILL, 99)
    assert made == AccountEquity(
        account_id="A",
        session_id="session-1",
        strategy_id="momentum",
        trigger=EquityTrigger.FILL,
        currency="USD",
        cash=10**23,
        position_value=value,
        equity=10**23 + value,
        realised_pnl=sum(item.realised_pnl for item in held),
        unrealised_pnl=value - sum(item.cost for item in held),
        commission=sum(item.commission for item in held),
        peak_equity=2 * 10**24,
        drawdown=10**23 + value - 2 * 10**24,
        ts=99,
        borrow_fees=sum(item.borrow_fees for item in held),
        gross_exposure=gross,
        buying_power=max(10**23 + value - gross, 0),
        funding=sum(item.funding for item in held),
        dividends=sum(item.dividends for item in held),
    )
    assert type(made) is AccountEquity
