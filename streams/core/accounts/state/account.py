"""An account in its shard: a session around the ledger, with limits, breakers and the memory of both."""

from dataclasses import dataclass, field
from typing import Self

from schemas.records.enums import TradingState
from schemas.records.from_list import record_from_list
from schemas.records.messages import OrderRequest
from schemas.records.numbers import PRICE_SCALE
from schemas.records.output import State
from streams.core.accounts.state.early_queue import EarlyRequest
from streams.core.accounts.state.first_answers import FirstAnswers
from streams.core.ledger.exposure import Exposures
from streams.core.ledger.ledger import Ledger, SeenIds
from streams.core.ledger.position import Position
from streams.core.ledger.working_order import WorkingOrder
from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.limits import RiskLimits
from streams.core.risk.memory import Memory


@dataclass(slots=True)
class Account:
    """The newest session of an account.

    opening_cash, peak_equity: 1e-18 of the currency. opened_ns, closed_ns: UTC nanoseconds. trading_state: as operators
    set it. instruments: symbols that the session trades; empty: all.
    """

    ledger: Ledger
    session_id: str
    strategy_id: str | None
    opening_cash: int
    limits: RiskLimits
    answers: FirstAnswers
    memory: Memory
    peak_equity: int
    session_open: bool = True
    trading_state: TradingState = TradingState.ACTIVE
    instruments: tuple[str, ...] = ()
    settings_sha256: str | None = None
    code_sha256: str | None = None
    parameters: str | None = None
    opened_ns: int = 0
    closed_ns: int | None = None
    breakers: BreakerSet = field(default_factory=BreakerSet)
    trip_starts: dict[str, int] = field(default_factory=dict)
    """By symbol: the realised PnL at the start of the present or next round trip, 1e-18."""
    flattening: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By symbol: the id of the event or control that closes it, and the number of closing orders sent."""
    liquidation: str | None = None
    """Id of the event that liquidates the account, until its equity has come up to its margin."""
    exposures: Exposures = field(default_factory=Exposures)
    early: dict[str, EarlyRequest] = field(default_factory=dict)
    """By id: requests that wait for the market to come to their time, in the order of arrival."""

    @property
    def account_id(self) -> str:
        """Id of the account."""
        return self.ledger.account_id

    @property
    def currency(self) -> str:
        """Currency of the account."""
        return self.ledger.currency

    def strategy_of(self, request: OrderRequest) -> str | None:
        """Returns the strategy of an order: its own, else the session's."""
        return request.strategy_id or self.strategy_id

    def to_state(self) -> State:
        """Returns the account in JSON-able form."""
        ledger = self.ledger
        state: State = {
            "account_id": self.account_id,
            "session_id": self.session_id,
            "strategy_id": self.strategy_id,
            "currency": self.currency,
            "opening_cash": self.opening_cash,
            "limits": self.limits.to_state(),
            "seen": ledger.seen.to_state(),
            "answers": self.answers.to_state(),
            "memory": self.memory.to_state(),
            "cash": ledger.cash,
            "peak_equity": self.peak_equity,
            "clock_ns": ledger.clock_ns,
            "session_open": self.session_open,
            "trading_state": self.trading_state,
            "instruments": list(self.instruments),
            "settings_sha256": self.settings_sha256,
            "code_sha256": self.code_sha256,
            "parameters": self.parameters,
            "opened_ns": self.opened_ns,
            "closed_ns": self.closed_ns,
            "breakers": self.breakers.to_state(),
            "trip_starts": self.trip_starts,
            "flattening": {symbol: list(item) for symbol, item in self.flattening.items()},
            "live_symbols": list(ledger.live_symbols),
            "positions": {symbol: _position_state(item) for symbol, item in ledger.positions.items()},
            "working": [order.to_state() for order in ledger.working.values()],
        }
        if self.liquidation is not None:
            state["liquidation"] = self.liquidation
        if self.early:
            state["waiting"] = [[early.due_ns, list(early.request)] for early in self.early.values()]
        return state

    @classmethod
    def from_state(cls, state: State, seen_limit: int, answers_limit: int) -> Self:
        """Returns the account that to_state described."""
        ledger = Ledger(
            account_id=state["account_id"],
            currency=state["currency"],
            cash=state["cash"],
            seen=SeenIds(seen_limit, state["seen"]),
            clock_ns=state["clock_ns"],
            positions={symbol: Position(*item) for symbol, item in state["positions"].items()},
            live_symbols=dict.fromkeys(state.get("live_symbols", ())),
        )
        for item in state["working"]:
            ledger.add_order(WorkingOrder.from_state(item))
        return cls(
            ledger=ledger,
            session_id=state["session_id"],
            strategy_id=state["strategy_id"],
            opening_cash=state["opening_cash"],
            limits=RiskLimits.from_state(state["limits"]),
            answers=FirstAnswers(answers_limit, state["answers"]),
            memory=Memory.from_state(state["memory"]),
            peak_equity=state["peak_equity"],
            session_open=state["session_open"],
            trading_state=TradingState(state["trading_state"]),
            instruments=tuple(state.get("instruments", ())),
            settings_sha256=state.get("settings_sha256"),
            code_sha256=state.get("code_sha256"),
            parameters=state.get("parameters"),
            opened_ns=state.get("opened_ns", 0),
            closed_ns=state.get("closed_ns"),
            breakers=BreakerSet.from_state(state["opening_cash"], state.get("breakers", [])),
            trip_starts=dict(state.get("trip_starts", {})),
            flattening={symbol: (item[0], item[1]) for symbol, item in state.get("flattening", {}).items()},
            liquidation=state.get("liquidation"),
            early={
                request[1]: EarlyRequest(due_ns, record_from_list(OrderRequest, request))
                for due_ns, request in state.get("waiting", ())
            },
        )


def _position_state(item: Position) -> list[int]:
    """Returns a position's numbers; the newest of them only if they are not their defaults, as earlier versions do."""
    numbers = [item.quantity, item.cost, item.gross_realised, item.commission, item.borrow_fees]
    if item.multiplier != PRICE_SCALE:
        return [*numbers, item.funding, item.dividends, item.multiplier]
    return [*numbers, item.funding, item.dividends] if item.funding or item.dividends else numbers
