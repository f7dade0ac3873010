"""The account shard checks orders, books executions and values accounts. Each account partition has one."""

from typing import Self

from schemas.records.enums import ExecType
from schemas.records.messages import Control, DeskReport, ExecutionReport, Mark, OrderRequest
from schemas.records.output import Message, Output, RecordRefused, State
from streams.core.accounts import account_breakers, desk_breakers, flatten, liquidation
from streams.core.accounts.booking import book_execution
from streams.core.accounts.contract_changes import contract_problem
from streams.core.accounts.early_requests import keep_if_early, take_due
from streams.core.accounts.marking import split_positions, take_mark
from streams.core.accounts.operator_controls import on_control
from streams.core.accounts.order_entry import enter, enter_first
from streams.core.accounts.payments import book_payment
from streams.core.accounts.settlement import settle
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.desk_state import JUDGE
from streams.core.accounts.state.shard_state import ShardState
from streams.core.core_config import CoreConfig
from streams.core.risk.breakers.breaker import Breaker
from streams.core.risk.kill_switch import KillScope, KillTarget


class AccountShard:
    """Inputs: OrderRequest, ExecutionReport, Mark, Control, DeskReport. See streams.pipeline.journal.shard.Shard."""

    def __init__(self, config: CoreConfig, partition: int) -> None:
        self._state = ShardState(config, partition)

    @property
    def time_ns(self) -> int:
        """Shard time, UTC nanoseconds."""
        return self._state.time_ns

    @property
    def accounts(self) -> dict[str, Account]:
        """Accounts by id, for reading."""
        return self._state.accounts

    @property
    def symbols(self) -> list[str]:
        """Symbols of the instruments that the shard knows."""
        return list(self._state.instruments)

    def equity(self, account_id: str) -> int:
        """Returns the mark-to-market equity of an account now, 1e-18 of its currency."""
        return self._state.valuation(self.accounts[account_id]).equity

    def kills(self, account_id: str) -> list[KillTarget]:
        """Returns the kills that stop an account, or a symbol in it."""
        strategies = (self.accounts[account_id].strategy_id,)
        return [
            target
            for target in self._state.kills.targets
            if target.scope is KillScope.SYMBOL or target.covers(account_id, strategies, "")
        ]

    @property
    def desk_breakers(self) -> list[Breaker]:
        """Breakers of the desk, in the shard that judges them."""
        return list(self._state.desk.breakers.by_name.values()) if self._state.partition == JUDGE else []

    def problem_with(self, config: CoreConfig) -> str | None:
        """See Shard."""
        return contract_problem(self._state, config)

    def configure(self, config: CoreConfig) -> None:
        """See Shard."""
        self._state.configure(config)
        for account in self.accounts.values():
            liquidation.watch(self._state, account)

    def apply(self, message: Message, record_time_ns: int | None, written_ns: int = 0) -> list[Output]:
        """See Shard. Without record times, marks and executions carry the market's time."""
        state, time_before_ns, broker_before_ns = self._state, self._state.time_ns, self._state.broker_ns
        state.broker_ns = max(broker_before_ns, written_ns)
        if record_time_ns is not None:
            state.time_ns = max(state.time_ns, record_time_ns)
        elif isinstance(message, Mark | ExecutionReport):
            state.time_ns = max(state.time_ns, message.ts)
        try:
            self._take(message)
        except RecordRefused:
            state.time_ns, state.broker_ns = time_before_ns, broker_before_ns
            raise
        return state.take_outputs()

    def _take(self, message: Message) -> None:
        if isinstance(message, OrderRequest):
            self._take_request(message)
        elif isinstance(message, ExecutionReport):
            self._take_execution(message)
            self._release_due()
        elif isinstance(message, Mark):
            self._take_mark(message)
            self._release_due()
        elif isinstance(message, Control):
            on_control(self._state, message)
        elif isinstance(message, DeskReport):
            desk_breakers.on_report(self._state, message)
        else:
            raise TypeError(f"an account shard takes no {type(message).__name__}")

    def _take_request(self, request: OrderRequest) -> None:
        state = self._state
        account = state.accounts.get(request.account_id)
        if account is None:
            enter(state, None, request)
            return
        if (request.ts > state.horizon_ns or account.early) and keep_if_early(state, account, request):
            return
        account_breakers.before_request(state, account, request)
        outcome = enter(state, account, request)
        account_breakers.after_request(state, account, request, outcome)

    def _release_due(self) -> None:
        """Judges the requests whose time has come, in the order of their times, as if they came now."""
        state = self._state
        while state.early.next_ns <= state.horizon_ns:
            due = take_due(state)
            if due is None:
                return
            account, request = due
            account_breakers.before_request(state, account, request)
            outcome = enter_first(state, account, request)
            account_breakers.after_request(state, account, request, outcome)

    def _take_execution(self, report: ExecutionReport) -> None:
        state = self._state
        if report.exec_type is ExecType.SPLIT:
            self._after_notice(split_positions(state, report), report)
            return
        if report.exec_type is ExecType.FUNDING or report.exec_type is ExecType.DIVIDEND:
            self._after_notice(book_payment(state, report), report)
            return
        if report.exec_type is ExecType.SETTLEMENT:
            for settled in settle(state, report):
                account_breakers.after_execution(state, settled)
                liquidation.after_booking(state, settled.account, report.exec_id)
            return
        booked = book_execution(state, report)
        account_breakers.after_execution(state, booked)
        if booked.ended is not None:
            booked.account.ledger.remove_order(booked.ended)
            account_breakers.after_order_end(state, booked)
            flatten.after_order_end(state, booked.account, report)
        if booked.quantity_before is not None:
            liquidation.after_booking(state, booked.account, report.exec_id)

    def _after_notice(self, holders: list[Account], notice: ExecutionReport) -> None:
        account_breakers.after_notice(self._state, holders, notice)
        for account in holders:
            liquidation.after_booking(self._state, account, notice.exec_id)

    def _take_mark(self, mark: Mark) -> None:
        charged = take_mark(self._state, mark)
        account_breakers.after_mark(self._state, mark, charged)
        liquidation.after_mark(self._state, mark, charged)
        flatten.after_mark(self._state, mark)

    def to_state(self) -> State:
        """See Shard."""
        return self._state.to_state()

    @classmethod
    def from_state(cls, config: CoreConfig, partition: int, state: State) -> Self:
        """Returns the shard that to_state described."""
        shard = cls(config, partition)
        shard._state = ShardState.from_state(config, partition, state)
        for account in shard.accounts.values():
            account_breakers.restore(shard._state, account)
            liquidation.watch(shard._state, account)
        return shard
