"""State that the parts of an account shard share: accounts, marks, time, ids, and the outputs of the current record."""

from typing import Self

from streams.domain import account_records as records
from streams.domain.account import Account, SeenIds
from streams.domain.config import CoreConfig
from streams.domain.enums import EquityTrigger, MarkKind
from streams.domain.instruments import Instrument
from streams.domain.messages import Mark
from streams.domain.numbers import NANOS_PER_MS, divide_half_even
from streams.domain.portfolio import Position
from streams.domain.shard import Output, State


class AccountBook:
    """Accounts of one partition and how they are valued."""

    def __init__(self, config: CoreConfig, partition: int) -> None:
        self.partition = partition
        self.time_ns = 0
        self.accounts: dict[str, Account] = {}
        self.strangers = SeenIds(config.seen_order_ids_max)
        """Order ids of requests for accounts that no session knows."""
        self.marks: dict[str, tuple[int | None, int | None]] = {}
        """Bid and ask by symbol, 1e-9."""
        self.equity_due_ns: int | None = None
        self._sequence = 0
        self._outputs: list[Output] = []
        self.configure(config)

    def configure(self, config: CoreConfig) -> None:
        """Takes a new configuration; limits of open sessions stay as they are."""
        self.config = config
        self.instruments = {item.symbol: Instrument.from_config(item) for item in config.instruments}
        for seen in (self.strangers, *(account.seen for account in self.accounts.values())):
            seen.limit = config.seen_order_ids_max

    def emit(self, output: Output) -> None:
        """Adds an output of the current record."""
        self._outputs.append(output)

    def take_outputs(self) -> list[Output]:
        """Outputs since the last call."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def next_id(self) -> str:
        """Shard and sequence number: a function of the inputs so far."""
        self._sequence += 1
        return f"a{self.partition}-{self._sequence}"

    def mark_price(self, symbol: str) -> int | None:
        """Middle of the last quote rounded half even to 1e-9, or the one side that there is; None before any."""
        bid, ask = self.marks.get(symbol, (None, None))
        if bid is None or ask is None:
            return bid if ask is None else ask
        return divide_half_even(bid + ask, 2)

    def position_value(self, account: Account) -> int:
        """Sum of quantity * mark over the open positions, 1e-18."""
        value = 0
        for symbol, position in account.positions.items():
            if position.quantity:
                mark = self.mark_price(symbol)
                assert mark is not None, "a fill leaves a mark"
                value += position.quantity * mark
        return value

    def on_mark(self, mark: Mark) -> None:
        """Takes the last quote of a symbol, and values the accounts where an interval has passed."""
        if mark.kind is MarkKind.QUOTE and (mark.bid_px is not None or mark.ask_px is not None):
            self.marks[mark.symbol] = (mark.bid_px, mark.ask_px)
        self._emit_due_equity()

    def _emit_due_equity(self) -> None:
        interval = self.config.equity_interval_ms * NANOS_PER_MS
        if self.equity_due_ns is not None and self.time_ns < self.equity_due_ns:
            return
        if self.equity_due_ns is not None:
            for account in self.accounts.values():
                if account.has_exposure():
                    self.emit_equity(account, EquityTrigger.INTERVAL)
        self.equity_due_ns = (self.time_ns // interval + 1) * interval

    def emit_equity(self, account: Account, trigger: EquityTrigger) -> None:
        """Writes the account's equity and keeps its peak."""
        value = self.position_value(account)
        account.peak_equity = max(account.peak_equity, account.cash + value)
        message = records.equity(account, value, trigger, self.time_ns)
        self.emit(Output("account.equity", account.account_id, message))

    def emit_position(self, account: Account, symbol: str, position: Position, exec_id: str | None) -> None:
        """Writes a position after a change."""
        message = records.position(account, symbol, position, exec_id, self.time_ns)
        self.emit(Output("positions", f"{account.account_id}|{symbol}", message, self.partition))

    def to_state(self) -> State:
        """JSON-able form."""
        return {
            "time_ns": self.time_ns,
            "sequence": self._sequence,
            "equity_due_ns": self.equity_due_ns,
            "strangers": self.strangers.to_state(),
            "marks": {symbol: list(prices) for symbol, prices in self.marks.items()},
            "accounts": [account.to_state() for account in self.accounts.values()],
        }

    @classmethod
    def from_state(cls, config: CoreConfig, partition: int, state: State) -> Self:
        """The book that to_state described."""
        book = cls(config, partition)
        book.time_ns = state["time_ns"]
        book._sequence = state["sequence"]
        book.equity_due_ns = state["equity_due_ns"]
        book.strangers = SeenIds(config.seen_order_ids_max, state["strangers"])
        book.marks = {symbol: (prices[0], prices[1]) for symbol, prices in state["marks"].items()}
        for item in state["accounts"]:
            account = Account.from_state(item, config.seen_order_ids_max)
            book.accounts[account.account_id] = account
        return book
