"""State that the parts of an account shard share: accounts, marks, time, ids, and the outputs of the current record."""

from fractions import Fraction
from typing import Self

from schemas.records.enums import EquityTrigger, MarkKind, Side
from schemas.records.messages import ExecutionReport, Mark
from schemas.records.numbers import NANOS_PER_MS, NANOS_PER_S, PRICE_SCALE, divide_half_even
from schemas.records.output import Output, State
from streams.core.accounts.authorise import Authorisations
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account, SeenIds
from streams.core.accounts.state.desk_state import DeskState
from streams.core.accounts.state.holdings import Holdings
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.ledger.conversion import Conversions, converted
from streams.core.ledger.exposure import Exposures
from streams.core.ledger.position import Position
from streams.core.ledger.valuation import Valuation
from streams.core.reference.instruments import Instrument
from streams.core.risk.breakers.equity_meters import NEVER_NS
from streams.core.risk.kill_switch import KillSwitch

NANOS_PER_DAY = 24 * 3600 * NANOS_PER_S
DAYS_OF_YEAR = 360
"""Of borrow fees: actual/360, as is the custom of stock lending."""


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
        self.kills = KillSwitch()
        self.mark_times: dict[str, int] = {}
        """When each was quoted, UTC nanoseconds: market time, or the record's where that is the clock."""
        self.desk = DeskState()
        self.holdings = Holdings()
        self.closing: dict[str, dict[str, None]] = {}
        """By symbol: accounts that are being flattened in it."""
        self.waiting: dict[str, int] = {}
        """Accounts with breakers that wait for time to pass, and when the first of them may have waited enough."""
        self.waiting_ns = NEVER_NS
        self.equity_due_ns: int | None = None
        self.authorisations = Authorisations()
        self.split_gaps: dict[str, tuple[int, int]] = {}
        """By symbol: shares after and before a split that only the marks or only the positions know yet."""
        self._charged_day: int | None = None
        """UTC day since 1970 up to which borrowed units are paid for."""
        self._sequence = 0
        self._outputs: list[Output] = []
        self.configure(config)

    def configure(self, config: CoreConfig) -> None:
        """Takes a new configuration; limits of open sessions stay as they are."""
        self.config = config
        self.record_time = config.time_source is TimeSource.RECORD
        self.instruments = {item.symbol: Instrument.from_config(item) for item in config.instruments}
        self._conversions = Conversions(config.conversions)
        self.desk.configure(config.desk)
        for seen in (self.strangers, *(account.seen for account in self.accounts.values())):
            seen.limit = config.seen_order_ids_max
        for account in self.accounts.values():
            account.answers.limit = config.answers_max
            account.exposures = Exposures()
            account.exposures.touched.update(dict.fromkeys(account.symbols()))

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
        doubled = bid + ask
        return divide_half_even(doubled, 2) if doubled & 1 else doubled >> 1

    def converts(self, currency: str, account_currency: str) -> bool | None:
        """Whether a price in a currency can be valued in an account's; None where its rate is not known yet."""
        if currency == account_currency:
            return True
        if not self._conversions.knows(currency, account_currency):
            return False
        return True if self._conversions.rate(currency, account_currency, self.mark_price) else None

    def rate_of(self, symbol: str, account: Account) -> tuple[str, int | None]:
        """Currency of a symbol, and its price in the account's (1e-9); None where they are the same."""
        instrument = self.instruments.get(symbol)
        if instrument is None or instrument.currency == account.currency:
            return account.currency, None
        rate = self._conversions.rate(instrument.currency, account.currency, self.mark_price)
        assert rate is not None, "an order in another currency was approved with a rate"
        return instrument.currency, rate

    def rate_between(self, currency: str, into: str) -> int | None:
        """Price of one unit of a currency in another, 1e-9; None where none is declared or quoted yet."""
        if currency == into:
            return PRICE_SCALE
        if not self._conversions.knows(currency, into):
            return None
        return self._conversions.rate(currency, into, self.mark_price)

    def marks_behind(self, account: Account, symbol: str) -> tuple[str, ...]:
        """Symbols whose marks value a position: its own, and the one that converts its currency."""
        instrument = self.instruments.get(symbol)
        if instrument is None or instrument.currency == account.currency:
            return (symbol,)
        return symbol, self._conversions.symbol_of(instrument.currency, account.currency)

    def value(self, account: Account, symbol: str, quantity: int, price: int) -> int:
        """Signed value of a quantity at a price, 1e-18 of the account's currency."""
        _, rate = self.rate_of(symbol, account)
        to, of = self.split_gaps.get(symbol, (1, 1))
        return converted(divide_half_even(quantity * price * to, of), rate)

    def valuation(self, account: Account) -> Valuation:
        """What an account is worth now."""
        exposures = account.exposures
        exposures.refresh(self, account)
        leverage = account.limits.leverage.fixed
        return Valuation(account.cash, exposures.value, exposures.held, exposures.gross, leverage)

    def asked_price(self, account: Account, symbol: str) -> int:
        """The highest price that an account's working orders in a symbol without a mark ask for."""
        return max(
            (
                order.price or order.stop_price or 0
                for side in (Side.BUY, Side.SELL)
                for order in account.orders_of(symbol, side)
            ),
            default=0,
        )

    def on_mark(self, mark: Mark) -> list[Account]:
        """Takes the last quote of a symbol, and values the accounts where an interval has passed.

        Gives the accounts that paid borrow fees.
        """
        if mark.kind is MarkKind.QUOTE and (mark.bid_px is not None or mark.ask_px is not None):
            self.marks[mark.symbol] = (mark.bid_px, mark.ask_px)
            self.mark_times[mark.symbol] = self.time_ns if self.record_time else mark.ts
        elif mark.kind is MarkKind.SPLIT:
            self._split_marks(mark)
        charged = self._charge_borrowing()
        self._emit_due_equity()
        return charged

    def _split_marks(self, mark: Mark) -> None:
        assert mark.split_to is not None
        assert mark.split_of is not None
        to, of = mark.split_to, mark.split_of
        bid, ask = self.marks.get(mark.symbol, (None, None))
        if bid is not None or ask is not None:
            self.marks[mark.symbol] = (_split_price(bid, to, of), _split_price(ask, to, of))
        self._widen_gap(mark.symbol, to, of)

    def split_positions(self, notice: ExecutionReport) -> list[Account]:
        """Each of units of every position in the symbol has become to units. Gives the accounts that hold it."""
        assert notice.split_to is not None
        assert notice.split_of is not None
        self._widen_gap(notice.symbol, notice.split_of, notice.split_to)
        found = []
        for account in self.accounts.values():
            position = account.positions.get(notice.symbol)
            if position is not None and position.quantity:
                position.split(notice.split_to, notice.split_of)
                self.emit_position(account, notice.symbol, position, notice.exec_id)
                found.append(account)
        return found

    def _widen_gap(self, symbol: str, to: int, of: int) -> None:
        known_to, known_of = self.split_gaps.pop(symbol, (1, 1))
        gap = Fraction(known_to * to, known_of * of)
        if gap != 1:
            self.split_gaps[symbol] = (gap.numerator, gap.denominator)

    def _charge_borrowing(self) -> list[Account]:
        """At the first mark of a UTC day: each night's fee for the short positions that are open now."""
        day = self.time_ns // NANOS_PER_DAY
        nights = 0 if self._charged_day is None else day - self._charged_day
        self._charged_day = day
        found = []
        if nights > 0:
            for account in self.accounts.values():
                charged = [self._charge(account, symbol, nights) for symbol in account.positions]
                if any(charged):
                    self.emit_equity(account, EquityTrigger.BORROW_FEE)
                    found.append(account)
        return found

    def _charge(self, account: Account, symbol: str, nights: int) -> bool:
        position, instrument, price = account.positions[symbol], self.instruments.get(symbol), self.mark_price(symbol)
        if position.quantity >= 0 or instrument is None or not instrument.borrow_rate or price is None:
            return False
        value = self.value(account, symbol, -position.quantity, price)
        fee = divide_half_even(value * instrument.borrow_rate * nights, DAYS_OF_YEAR * PRICE_SCALE)
        account.cash -= fee
        position.borrow_fees += fee
        self.emit_position(account, symbol, position, None)
        return True

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
        valuation = self.valuation(account)
        account.peak_equity = max(account.peak_equity, valuation.equity)
        message = records.equity(account, valuation, trigger, self.time_ns)
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
            "mark_times": self.mark_times,
            "split_gaps": {symbol: list(gap) for symbol, gap in self.split_gaps.items()},
            "charged_day": self._charged_day,
            "kills": self.kills.to_state(),
            "desk": self.desk.to_state(),
            "authorisations": self.authorisations.to_state(),
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
        book.mark_times = dict(state["mark_times"])
        book.split_gaps = {symbol: (gap[0], gap[1]) for symbol, gap in state["split_gaps"].items()}
        book._charged_day = state["charged_day"]
        book.kills = KillSwitch.from_state(state.get("kills", []))
        book.desk.load(state.get("desk"))
        book.desk.configure(config.desk)
        book.authorisations = Authorisations.from_state(state.get("authorisations", {}))
        for item in state["accounts"]:
            account = Account.from_state(item, config.seen_order_ids_max, config.answers_max)
            book.accounts[account.account_id] = account
        return book


def _split_price(price: int | None, to: int, of: int) -> int | None:
    return None if price is None else divide_half_even(price * of, to)
