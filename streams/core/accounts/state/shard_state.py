"""The state of an account shard: accounts, marks, time and ids, and the outputs of the current record."""

from typing import Self

from schemas.records.enums import BreakerState, DeskReportKind, EquityTrigger, RiskEventKind
from schemas.records.messages import Control, DeskReport, OrderRequest, RiskEvent
from schemas.records.output import Output, State
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account
from streams.core.accounts.state.authorisations import Authorisations
from streams.core.accounts.state.desk_state import DeskState
from streams.core.accounts.state.early_queue import AHEAD_MAX_NS, NEVER_DUE_NS, EarlyQueue, grace_ns
from streams.core.accounts.state.holdings import Holdings
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.ledger.exposure import Exposures, Valuation
from streams.core.ledger.ledger import SeenIds
from streams.core.ledger.marks import Marks
from streams.core.ledger.position import Position
from streams.core.reference.instruments import Instrument
from streams.core.risk.breakers.breaker import Transition
from streams.core.risk.breakers.breaker_set import Measured
from streams.core.risk.breakers.equity_meters import NEVER_NS
from streams.core.risk.kill_switch import KillSwitch, Strategies


class ShardState:
    """The accounts of one partition and everything that they share.

    time_ns: shard time. broker_ns: the broker's newest time of a record; 0 if none is known. strangers: order ids of
    requests for accounts without a session. closing: by symbol the accounts that are being flattened in it. margined:
    instruments with a margin table; on_margin: the accounts that hold one. waiting:
    accounts whose breakers wait for time to pass, with the time at which the first may have waited enough; waiting_ns:
    the earliest of these times. early: requests that wait for their time. clients_move_clocks: requests move their
    accounts' clocks, as before orders_wait. charged_day: UTC day since 1970 up to which borrow fees are paid.
    """

    def __init__(self, config: CoreConfig, partition: int) -> None:
        self.partition = partition
        self.time_ns = 0
        self.broker_ns = 0
        self.accounts: dict[str, Account] = {}
        self.strangers = SeenIds(config.seen_order_ids_max)
        self.marks = Marks()
        self.kills = KillSwitch()
        self.desk = DeskState()
        self.holdings = Holdings()
        self.closing: dict[str, dict[str, None]] = {}
        self.margined: dict[str, Instrument] = {}
        self.on_margin: dict[str, None] = {}
        self.waiting: dict[str, int] = {}
        self.waiting_ns = NEVER_NS
        self.early = EarlyQueue()
        self.equity_due_ns: int | None = None
        self.authorisations = Authorisations()
        self.charged_day: int | None = None
        self._sequence = 0
        self._outputs: list[Output] = []
        self.configure(config)

    def configure(self, config: CoreConfig) -> None:
        """Takes a new configuration; the limits of open sessions stay."""
        self.config = config
        self.record_time = config.time_source is TimeSource.RECORD
        self.clients_move_clocks = not config.orders_wait and not self.record_time
        self._grace_ns = grace_ns(config.mark_interval_ms)
        self._requests_wait = config.orders_wait and not self.record_time
        self._kills_reach_sessions = config.kills_reach_sessions
        self.instruments = {item.symbol: Instrument.from_config(item) for item in config.instruments}
        self.margined = {symbol: item for symbol, item in self.instruments.items() if item.maintenance is not None}
        self.marks.configure(self.instruments, config.conversions)
        self.desk.configure(config.desk, _kept_for_desk(config))
        for seen in (self.strangers, *(account.ledger.seen for account in self.accounts.values())):
            seen.limit = config.seen_order_ids_max
        for account in self.accounts.values():
            account.answers.limit = config.answers_max
            account.exposures = Exposures()
            account.ledger.touched.clear()
            account.ledger.touched.update(dict.fromkeys(account.ledger.symbols()))

    @property
    def horizon_ns(self) -> int:
        """Requests for a later time wait. Before the market has a time, and by record time, none does."""
        return self.time_ns + self._grace_ns if self._requests_wait and self.time_ns else NEVER_DUE_NS

    def time_of(self, request: OrderRequest) -> int:
        """Returns the time of a request by the rule before orders_wait: its own, if it is at most a day ahead."""
        return request.ts if 0 <= request.ts - self.time_ns <= AHEAD_MAX_NS else self.time_ns

    def sent_ns(self, request: OrderRequest) -> int:
        """Returns when a request was sent: by its own word, or now if that is 0."""
        return request.ts or (self.time_ns if self.config.orders_wait else 0)

    def strategies_of(self, account: Account, request: OrderRequest) -> Strategies:
        """Returns the strategies whose kill covers an order: its session's and its own (kills_reach_sessions)."""
        if self._kills_reach_sessions:
            return account.strategy_id, request.strategy_id
        return (account.strategy_of(request),)

    def used_before(self, account: Account | None, request: OrderRequest) -> bool:
        """Returns whether the id of a request is known already."""
        if stranger_key(request) in self.strangers:
            return True
        order_id = request.order_id
        return account is not None and (
            order_id in account.ledger.seen or order_id in account.ledger.working or order_id in account.early
        )

    def emit(self, output: Output) -> None:
        """Adds an output of the current record."""
        self._outputs.append(output)

    def take_outputs(self) -> list[Output]:
        """Returns the outputs since the last call."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def next_id(self) -> str:
        """Returns a new id of shard and sequence number: a function of the inputs so far."""
        self._sequence += 1
        return f"a{self.partition}-{self._sequence}"

    def valuation(self, account: Account) -> Valuation:
        """Returns the worth of an account now."""
        return account.exposures.valuation(self.marks, account.ledger, account.limits.leverage.fixed)

    def emit_equity(self, account: Account, trigger: EquityTrigger) -> None:
        """Emits the account's equity and raises its peak."""
        valuation = self.valuation(account)
        account.peak_equity = max(account.peak_equity, valuation.equity)
        message = records.equity(account, valuation, trigger, self.time_ns)
        self.emit(Output("account.equity", account.account_id, message))

    def emit_position(self, account: Account, symbol: str, position: Position, exec_id: str | None) -> None:
        """Emits a position after a change."""
        message = records.position_report(account, symbol, position, exec_id, self.time_ns)
        self.emit(Output("positions", f"{account.account_id}|{symbol}", message, self.partition))

    def emit_risk_event(
        self,
        kind: RiskEventKind,
        text: str,
        account: Account | None = None,
        account_id: str = "",
        control: Control | None = None,
        by_key: bool = False,
        code: str | None = None,
        order_id: str | None = None,
        limit_value: str | None = None,
        observed_value: str | None = None,
        actor: str | None = None,
        strategy_id: str | None = None,
        symbol: str | None = None,
        breaker: str | None = None,
        breaker_state: BreakerState = BreakerState.UNKNOWN,
        window: str | None = None,
        cause: str | None = None,
    ) -> str:
        """Makes, numbers and emits a risk event, and returns its id.

        account_id: instead of an account that the shard does not know. control: the operator's command behind the
        event. by_key: the key decides the partition, because the account may belong to another shard.
        """
        event = RiskEvent(
            self.next_id(),
            kind,
            account_id if account is None else account.account_id,
            None if account is None else account.session_id,
            order_id,
            None if control is None else control.control_id,
            code,
            text,
            limit_value,
            observed_value,
            actor if control is None else control.actor,
            None if control is None else control.reason,
            self.time_ns,
            strategy_id,
            symbol,
            breaker,
            breaker_state,
            window,
            cause,
        )
        self.emit(Output("risk.events", event.account_id, event, None if by_key else self.partition))
        return event.event_id

    def emit_transition(
        self, transition: Transition, cause: str, account: Account | None = None, control: Control | None = None
    ) -> str:
        """Emits the transition of a breaker of an account, or of the desk. Returns the id of the risk event."""
        breaker, breach = transition.breaker, transition.breach
        owner = None if account is None else account.account_id
        subject = "the desk" if owner is None else f"account {owner}"
        why, breaker.why = transition.why, ""
        if self.config.trips_name_floors and breaker.state is BreakerState.OPEN:
            breaker.why = breach.floored if breach and breach.floored else why
            why = f"{breaker.why}; {breaker.remedy(owner)}"
        event_id = self.emit_risk_event(
            RiskEventKind.BREAKER_TRANSITION,
            f"breaker {breaker.name} of {subject} is {breaker.state}, was {transition.before}: {why}",
            account,
            control=control,
            code=f"BREAKER_{breaker.state}",
            limit_value=breach.limit if breach else None,
            observed_value=breach.observed if breach else None,
            strategy_id=None if account is None else account.strategy_id,
            breaker=breaker.name,
            breaker_state=breaker.state,
            window=breach.window if breach else None,
            cause=cause,
        )
        breaker.event_id = event_id
        return event_id

    def answer(self, kind: RiskEventKind, control: Control, text: str, account: Account | None = None) -> str:
        """Answers an operator's command that changed something. Returns the id of the risk event."""
        return self.emit_risk_event(
            kind,
            text,
            account,
            control.account_id or "",
            control,
            strategy_id=control.strategy_id,
            symbol=control.symbol,
            cause=control.control_id,
        )

    def refuse(self, control: Control, why: str, code: str = "CONTROL_REJECTED") -> None:
        """Answers an operator's command that changed nothing."""
        account_id = control.account_id or ""
        self.emit_risk_event(
            RiskEventKind.CONTROL_REJECTED,
            f"control {control.control_id}: {why}; nothing changed",
            self.accounts.get(account_id),
            account_id,
            control,
            code=code,
            strategy_id=control.strategy_id,
            symbol=control.symbol,
            cause=control.control_id,
        )

    def desk_report(self, kind: DeskReportKind) -> DeskReport:
        """Returns an empty report of this shard to the others."""
        return records.desk_report(kind, self.partition, self.time_ns)

    def to_state(self) -> State:
        """Returns the state in JSON-able form."""
        return {
            "time_ns": self.time_ns,
            "broker_ns": self.broker_ns,
            "sequence": self._sequence,
            "equity_due_ns": self.equity_due_ns,
            "strangers": self.strangers.to_state(),
            "marks": {symbol: list(prices) for symbol, prices in self.marks.quotes.items()},
            "mark_times": self.marks.quoted_ns,
            "split_gaps": {symbol: list(gap) for symbol, gap in self.marks.split_gaps.items()},
            "charged_day": self.charged_day,
            "kills": self.kills.to_state(),
            "desk": self.desk.to_state(),
            "authorisations": self.authorisations.to_state(),
            "accounts": [account.to_state() for account in self.accounts.values()],
        }

    @classmethod
    def from_state(cls, config: CoreConfig, partition: int, state: State) -> Self:
        """Returns the state that to_state described."""
        found = cls(config, partition)
        found.time_ns = state["time_ns"]
        found.broker_ns = state.get("broker_ns", 0)
        found._sequence = state["sequence"]
        found.equity_due_ns = state["equity_due_ns"]
        found.strangers = SeenIds(config.seen_order_ids_max, state["strangers"])
        marks = found.marks
        marks.quotes = {symbol: (prices[0], prices[1]) for symbol, prices in state["marks"].items()}
        marks.quoted_ns = dict(state["mark_times"])
        marks.split_gaps = {symbol: (gap[0], gap[1]) for symbol, gap in state["split_gaps"].items()}
        found.charged_day = state["charged_day"]
        found.kills = KillSwitch.from_state(state.get("kills", []))
        found.desk.load(state.get("desk"))
        found.desk.configure(config.desk, _kept_for_desk(config))
        found.authorisations = Authorisations.from_state(state.get("authorisations", {}))
        for item in state["accounts"]:
            account = Account.from_state(item, config.seen_order_ids_max, config.answers_max)
            found.accounts[account.account_id] = account
            for early in account.early.values():
                found.early.add(early)
        return found


def _kept_for_desk(config: CoreConfig) -> Measured:
    return Measured.OF_ANY_NAME if config.measures_outlive_names else Measured.NOTHING


def stranger_key(request: OrderRequest) -> str:
    """Returns the key of a request's id for an account that has no session."""
    return f"{request.account_id}\0{request.order_id}"
