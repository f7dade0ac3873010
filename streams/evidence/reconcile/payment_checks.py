"""The checks of the venue's notices: each open position was paid, or settled, as the notice says, and nothing else."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import NamedTuple

from schemas.records.enums import EquityTrigger, ExecType, Side
from schemas.records.messages import AccountEquity, ExecutionReport, Fill
from schemas.records.numbers import PRICE_MAX, PRICE_SCALE, divide_half_even, money_text
from streams.core.accounts.payments import payment
from streams.core.accounts.settlement import SETTLEMENT_PREFIX, settlement_report
from streams.evidence.reconcile.fact_reader import event_sequence
from streams.evidence.reconcile.facts import Facts
from streams.evidence.reconcile.reconciliation import KAFKA, Check

PAID = frozenset((ExecType.FUNDING, ExecType.DIVIDEND))
SETTLED = frozenset((ExecType.SETTLEMENT,))


class _Settlement(NamedTuple):
    """A settlement of a position, without money. quantity, price, position: 1e-9; commission: 1e-18."""

    exec_id: str
    symbol: str
    side: Side
    quantity: int
    price: int | None
    commission: int
    position: int


class _Payment(NamedTuple):
    """A payment. amount: 1e-18 of the account's currency; None if it was converted, because no record has its rate."""

    kind: str
    amount: int | None
    text: str


def check_payments(facts: Facts) -> Check:
    """Checks that each funding and dividend is an equity record of each account that held the symbol, with its amount.

    An account's position is that of its last fill before the notice, restated by the splits between them.
    """
    check = Check("payments = position * price * rate", KAFKA)
    for account_id in sorted(facts.fills):
        owed, booked = _owed(facts, account_id), _booked(facts.equities.get(account_id, []))
        for due, paid in zip_longest(owed, booked):
            check.compare(_agree(due, paid), f"account {account_id}: {_told(paid)} was booked, {_told(due)} was owed")
    return check


def _agree(due: _Payment | None, paid: _Payment | None) -> bool:
    if due is None or paid is None:
        return False
    return due.kind == paid.kind and due.amount in (None, paid.amount)


def _told(payment: _Payment | None) -> str:
    return "nothing" if payment is None else payment.text


def _booked(records: Iterable[AccountEquity]) -> Iterator[_Payment]:
    """Yields the payments of an account's equity records, whose sums begin anew with each session."""
    funding = dividends = 0
    for record in records:
        amount = record.funding - funding + record.dividends - dividends
        funding, dividends = record.funding, record.dividends
        if record.trigger in (EquityTrigger.FUNDING, EquityTrigger.DIVIDEND):
            yield _Payment(record.trigger, amount, f"{record.trigger} {money_text(amount)} at {record.ts}")


def check_settlements(facts: Facts) -> Check:
    """Checks that each settlement closed the position of each account that held the symbol, at its price."""
    check = Check("settlements close positions at their price", KAFKA)
    for account_id in sorted(facts.fills):
        expected = [_settled(before, quantity, notice) for notice, before, quantity in _met(facts, account_id, SETTLED)]
        booked = [_of_fill(fill) for fill in facts.fills[account_id] if fill.exec_id.startswith(SETTLEMENT_PREFIX)]
        for due, found in zip_longest(expected, booked):
            check.compare(due == found, f"account {account_id}: {found} was booked as a settlement, {due} was due")
    return check


def _settled(before: Fill, quantity: int, notice: ExecutionReport) -> _Settlement:
    report = settlement_report(notice, before.account_id, quantity)
    return _Settlement(report.exec_id, report.symbol, report.side, abs(quantity), notice.settlement_px, 0, 0)


def _of_fill(fill: Fill) -> _Settlement:
    values = fill.exec_id, fill.symbol, fill.side, fill.quantity, fill.price, fill.commission, fill.position_qty
    return _Settlement(*values)


def _owed(facts: Facts, account_id: str) -> Iterator[_Payment]:
    """Yields the payments that the notices of an account's partition ask for, in their order."""
    for notice, before, quantity in _met(facts, account_id, PAID):
        amount = payment(quantity, notice, before.contract_multiplier or PRICE_SCALE)
        text = f"{notice.exec_type} {money_text(amount)} of notice {notice.exec_id}"
        kind = EquityTrigger.FUNDING if notice.exec_type is ExecType.FUNDING else EquityTrigger.DIVIDEND
        yield _Payment(kind, amount if before.fx_rate is None else None, text)


def _met(facts: Facts, account_id: str, kinds: frozenset[ExecType]) -> Iterator[tuple[ExecutionReport, Fill, int]]:
    """Yields each notice of some kinds that met a position, with the fill before it and the position, 1e-9 units."""
    fills = deque(facts.fills[account_id])
    places = {
        fill.exec_id: facts.fill_places[event] for fill in fills if (event := _event_of(fill)) in facts.fill_places
    }
    partitions = [place.partition for place in places.values()]
    last: dict[str, Fill] = {}
    for offset, notice in facts.payments.get(partitions[0], []) if partitions else []:
        while fills and (fills[0].exec_id not in places or places[fills[0].exec_id].offset < offset):
            fill = fills.popleft()
            last[fill.symbol] = fill
        before = last.get(notice.symbol)
        quantity = 0 if before is None else _restated(facts, before, notice)
        if before is not None and quantity and notice.exec_type in kinds:
            yield notice, before, quantity


def _event_of(fill: Fill) -> str:
    """Returns the id of the report or the notice behind a fill."""
    return fill.exec_id.removeprefix(f"{SETTLEMENT_PREFIX}{fill.account_id}-")


def _restated(facts: Facts, fill: Fill, notice: ExecutionReport) -> int:
    """Returns the position after a fill, restated by the splits between it and a notice, 1e-9 units."""
    quantity, after, until = fill.position_qty, event_sequence(fill.exec_id), event_sequence(notice.exec_id)
    for sequence, to, of in facts.splits.get(fill.symbol, []):
        if after < sequence < until:
            quantity = divide_half_even(quantity * to, of)
            if abs(quantity) > PRICE_MAX:
                return 0
    return quantity
