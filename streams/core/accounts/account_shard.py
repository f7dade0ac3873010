"""The account shard: checks orders, books executions, values accounts; one instance for each account partition."""

from typing import Self

from schemas.records.messages import Control, DeskReport, ExecutionReport, Mark, OrderRequest
from schemas.records.output import Message, Output, RecordRefused, State
from streams.core.accounts import breaker_watch, desk_watch, flatten
from streams.core.accounts.booking import on_execution
from streams.core.accounts.operator_controls import on_control
from streams.core.accounts.order_entry import on_request
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.desk_state import JUDGE
from streams.core.accounts.state.shard_state import AccountBook
from streams.core.core_config import CoreConfig
from streams.core.risk.breakers.breaker import Breaker
from streams.core.risk.kill_switch import KillScope, KillTarget


class AccountShard:
    """Inputs: OrderRequest, ExecutionReport, Mark, Control, DeskReport. See streams.pipeline.journal.shard.Shard."""

    def __init__(self, config: CoreConfig, partition: int) -> None:
        self._book = AccountBook(config, partition)

    @property
    def time_ns(self) -> int:
        """Shard time, UTC nanoseconds."""
        return self._book.time_ns

    @property
    def accounts(self) -> dict[str, Account]:
        """Accounts by id, for reading."""
        return self._book.accounts

    def equity(self, account_id: str) -> int:
        """Mark-to-market equity of an account now, 1e-18 of its currency."""
        return self._book.valuation(self.accounts[account_id]).equity

    def kills(self, account_id: str) -> list[KillTarget]:
        """What of an account is killed."""
        strategy_id = self.accounts[account_id].strategy_id
        return [
            target
            for target in self._book.kills.targets
            if target.scope is KillScope.SYMBOL or target.covers(account_id, strategy_id, "")
        ]

    @property
    def desk_breakers(self) -> list[Breaker]:
        """Breakers of the desk, in the shard that judges them."""
        return list(self._book.desk.breakers.by_name.values()) if self._book.partition == JUDGE else []

    def configure(self, config: CoreConfig) -> None:
        """See streams.pipeline.journal.shard.Shard."""
        self._book.configure(config)

    def apply(self, message: Message, record_time_ns: int | None) -> list[Output]:
        """See Shard in streams.pipeline.journal.shard. Without record times, marks and executions carry market time."""
        book, time_before_ns = self._book, self._book.time_ns
        if record_time_ns is not None:
            book.time_ns = max(book.time_ns, record_time_ns)
        elif isinstance(message, Mark | ExecutionReport):
            book.time_ns = max(book.time_ns, message.ts)
        try:
            self._take(message)
        except RecordRefused:
            book.time_ns = time_before_ns
            raise
        return book.take_outputs()

    def _take(self, message: Message) -> None:
        book = self._book
        if isinstance(message, OrderRequest):
            on_request(book, message)
        elif isinstance(message, ExecutionReport):
            on_execution(book, message)
        elif isinstance(message, Mark):
            breaker_watch.on_mark(book, message, book.on_mark(message))
            flatten.on_mark(book, message)
        elif isinstance(message, Control):
            on_control(book, message)
        elif isinstance(message, DeskReport):
            desk_watch.on_report(book, message)
        else:
            raise TypeError(f"an account shard takes no {type(message).__name__}")

    def to_state(self) -> State:
        """See streams.pipeline.journal.shard.Shard."""
        return self._book.to_state()

    @classmethod
    def from_state(cls, config: CoreConfig, partition: int, state: State) -> Self:
        """The shard that to_state described."""
        shard = cls(config, partition)
        shard._book = AccountBook.from_state(config, partition, state)
        for account in shard.accounts.values():
            breaker_watch.restore(shard._book, account)
        return shard
