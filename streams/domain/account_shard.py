"""The account shard: checks orders, books executions, values accounts; one instance for each account partition."""

from typing import Self

from streams.domain.account import Account
from streams.domain.account_book import AccountBook
from streams.domain.authorisations import on_revocation
from streams.domain.booking import on_execution
from streams.domain.config import CoreConfig
from streams.domain.enums import DeskReportKind
from streams.domain.messages import Control, DeskReport, ExecutionReport, Mark, OrderRequest
from streams.domain.order_entry import on_request
from streams.domain.session_controls import on_control
from streams.domain.shard import Message, Output, RecordRefused, State


class AccountShard:
    """Inputs: OrderRequest, ExecutionReport, Mark, Control, DeskReport. See streams.domain.shard.Shard."""

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

    def configure(self, config: CoreConfig) -> None:
        """See streams.domain.shard.Shard."""
        self._book.configure(config)

    def apply(self, message: Message, record_time_ns: int | None) -> list[Output]:
        """See streams.domain.shard.Shard. Without record times, marks and executions carry the market's time."""
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
            book.on_mark(message)
        elif isinstance(message, Control):
            on_control(book, message)
        elif isinstance(message, DeskReport) and message.kind is DeskReportKind.REVOCATION:
            on_revocation(book, message)
        else:
            raise TypeError(f"an account shard takes no {type(message).__name__}")

    def to_state(self) -> State:
        """See streams.domain.shard.Shard."""
        return self._book.to_state()

    @classmethod
    def from_state(cls, config: CoreConfig, partition: int, state: State) -> Self:
        """The shard that to_state described."""
        shard = cls(config, partition)
        shard._book = AccountBook.from_state(config, partition, state)
        return shard
