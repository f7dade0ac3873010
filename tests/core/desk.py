"""An account shard and an execution shard joined in memory, as topics join them in the pipeline."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from typing import TypeVar

from schemas.records import messages
from schemas.records.enums import Liquidity, RiskEventKind
from schemas.records.output import Message, Output
from streams.core.accounts.account_shard import AccountShard
from streams.core.accounts.state.account import Account
from streams.core.core_config import CoreConfig
from streams.core.venue.execution_shard import ExecutionShard
from tests.builders import START, config, opening, quote

M = TypeVar("M", bound=Message)
Answer = tuple[str, str | None, str | None]
"""Code, limit value and observed value of a refusal."""


class Desk:
    """An account shard and an execution shard that exchange their messages.

    written_ns: the broker's time of every record until a test changes it. With hold, messages from one shard to the
    other wait in to_venue and to_accounts until a test delivers them.
    """

    def __init__(self, core: CoreConfig | None = None, *, hold: bool = False) -> None:
        self.config = core or config()
        self.accounts = AccountShard(self.config, 0)
        self.execution = ExecutionShard(self.config, 0)
        self.outputs: list[Output] = []
        self.to_venue: deque[Message] = deque()
        self.to_accounts: deque[Message] = deque()
        self.hold = hold
        self.written_ns = START

    def send(self, *inputs: Message, at: int | None = None) -> list[Output]:
        """Applies messages in order and returns the outputs; at is the record time if that is the clock."""
        before = len(self.outputs)
        for message in inputs:
            at_market = isinstance(message, messages.MarketData | messages.ApprovedOrder)
            self._apply(self.execution if at_market else self.accounts, message, at)
            if not self.hold:
                self.deliver_all(at)
        return self.outputs[before:]

    def deliver_to_venue(self, at: int | None = None) -> None:
        """Delivers the next approved request to the execution shard."""
        self._apply(self.execution, self.to_venue.popleft(), at)

    def deliver_to_accounts(self, at: int | None = None) -> None:
        """Delivers the next execution report or mark to the account shard."""
        self._apply(self.accounts, self.to_accounts.popleft(), at)

    def deliver_all(self, at: int | None = None) -> None:
        """Delivers all waiting messages."""
        while self.to_venue or self.to_accounts:
            if self.to_venue:
                self.deliver_to_venue(at)
            else:
                self.deliver_to_accounts(at)

    def _apply(self, shard: AccountShard | ExecutionShard, message: Message, at: int | None) -> None:
        outputs = shard.apply(message, at, self.written_ns)
        self.outputs += outputs
        self.to_venue += [item.message for item in outputs if item.topic == "orders.approved"]
        self.to_accounts += [item.message for item in outputs if item.topic in ("executions", "marks")]

    def restart(self, core: CoreConfig | None = None) -> None:
        """Restores both shards from their states as JSON text, under the configuration core."""
        self.config = core or self.config
        state = json.loads(json.dumps([self.accounts.to_state(), self.execution.to_state()]))
        self.accounts = AccountShard.from_state(self.config, 0, state[0])
        self.execution = ExecutionShard.from_state(self.config, 0, state[1])

    def configure(self, core: CoreConfig) -> None:
        """Gives both shards a new configuration."""
        self.config = core
        self.accounts.configure(core)
        self.execution.configure(core)

    def state(self) -> str:
        """Returns the state of both shards as JSON text."""
        return json.dumps([self.accounts.to_state(), self.execution.to_state()])

    def account(self, account: str = "A") -> Account:
        """Returns an account."""
        return self.accounts.accounts[account]

    @property
    def executions(self) -> list[messages.ExecutionReport]:
        """Execution reports so far."""
        return of(messages.ExecutionReport, self.outputs)

    @property
    def results(self) -> list[messages.OrderResult]:
        """Order results so far."""
        return of(messages.OrderResult, self.outputs)

    @property
    def fills(self) -> list[messages.Fill]:
        """Booked fills so far."""
        return of(messages.Fill, self.outputs)


def of(kind: type[M], outputs: Iterable[Output]) -> list[M]:
    """Returns the messages of one kind."""
    return [item.message for item in outputs if isinstance(item.message, kind)]


def trail(reports: Iterable[messages.ExecutionReport | messages.OrderResult], order_id: str) -> list[str]:
    """Returns an order's life as ExecType/OrdStatus."""
    return [f"{item.exec_type}/{item.ord_status}" for item in reports if item.order_id == order_id]


def ready(core: CoreConfig | None = None, *, hold: bool = False, market: bool = True) -> Desk:
    """Returns a desk with an open session of account A and, with market, a quote of ABC 100 @ 10.00 to 100 @ 10.02."""
    desk = Desk(core)
    desk.send(opening())
    if market:
        desk.send(quote())
    desk.hold = hold
    desk.outputs.clear()
    return desk


def last(desk: Desk, order_id: str = "o") -> messages.OrderResult:
    """Returns the newest result of an order."""
    return [result for result in desk.results if result.order_id == order_id][-1]


def fills_of(desk: Desk, order_id: str = "o") -> list[tuple[int, int, Liquidity]]:
    """Returns quantity, price and liquidity of an order's fills."""
    return [(fill.quantity, fill.price, fill.liquidity) for fill in desk.fills if fill.order_id == order_id]


def answer(desk: Desk, request: messages.OrderRequest) -> Answer | None:
    """Returns the refusal of a request, None if it is approved; checks that result and risk event agree."""
    outputs = desk.send(request)
    if of(messages.ApprovedOrder, outputs):
        assert {event.kind for event in of(messages.RiskEvent, outputs)} <= {RiskEventKind.LIMIT_WARNING}
        return None
    (result,), (event,) = of(messages.OrderResult, outputs), of(messages.RiskEvent, outputs)
    assert result.reason_code is not None
    assert (event.kind, event.order_id) == (RiskEventKind.ORDER_REJECTED, request.order_id)
    assert (event.code, event.limit_value, event.observed_value, event.text) == (
        result.reason_code,
        result.limit_value,
        result.observed_value,
        result.text,
    )
    assert request.order_id in event.text
    return result.reason_code, result.limit_value, result.observed_value
