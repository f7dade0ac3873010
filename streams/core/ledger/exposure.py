"""What an order would make of an account's exposure; kept by symbol, and worked out again where something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schemas.records.enums import Side
from schemas.records.numbers import PRICE_SCALE

if TYPE_CHECKING:
    from streams.core.accounts.state.account import Account
    from streams.core.accounts.state.shard_state import AccountBook
    from streams.core.ledger.position import Position
    from streams.core.risk.proposal import Proposal


class Exposure(NamedTuple):
    """Before and after the order; all with working orders filled, in the account's currency, 1e-18.

    gross: over all instruments, each with the larger of all its buys and all its sells filled. net: toward the order's
    side, with all orders of that side filled. symbol: gross, of the order's instrument. margin: gross at the
    instruments' margin rates.
    """

    equity: int
    gross_before: int
    gross_after: int
    net_before: int
    net_after: int
    symbol_before: int
    symbol_after: int
    margin_before: int
    margin_after: int


class Held(NamedTuple):
    """An account's exposure in a symbol, and what it was worked out from.

    bought, sold: the position with all buys filled, and with all sells filled toward short, 1e-9 units; long, short:
    their values. margin: 1e-27. settled: the mark and the position say whether it still holds; otherwise other things
    do, such as a rate of exchange.
    """

    mark: tuple[int | None, int | None] | None
    position: Position | None
    quantity: int
    settled: bool
    price: int
    margin_rate: int
    bought: int
    sold: int
    value: int
    gross: int
    long: int
    short: int
    margin: int


NOTHING = Held(None, None, 0, True, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class Exposures:
    """Of one account: sums over its symbols, see Held. held: what the positions alone are worth, long or short.

    touched: symbols whose working orders have changed, or of which nothing is known yet.
    """

    __slots__ = ("_by_symbol", "gross", "held", "long", "margin", "short", "touched", "value")

    def __init__(self) -> None:
        self._by_symbol: dict[str, Held] = {}
        self.touched: dict[str, None] = {}
        self.value = self.held = self.gross = self.long = self.short = self.margin = 0

    def refresh(self, book: AccountBook, account: Account) -> None:
        """Works out again what has changed since."""
        marks, gaps, stale = book.marks, book.split_gaps, self.touched
        for symbol, held in self._by_symbol.items():
            position = held.position
            if (
                marks.get(symbol) is not held.mark
                or (position is not None and position.quantity != held.quantity)
                or not held.settled
                or (gaps and symbol in gaps)
            ):
                stale[symbol] = None
        if stale:
            for symbol in stale:
                self._put(symbol, _held(book, account, symbol))
            stale.clear()

    def of(self, symbol: str) -> Held:
        """In a symbol."""
        return self._by_symbol.get(symbol, NOTHING)

    def _put(self, symbol: str, held: Held) -> None:
        before = self._by_symbol.get(symbol, NOTHING)
        self.value += held.value - before.value
        self.held += abs(held.value) - abs(before.value)
        self.gross += held.gross - before.gross
        self.long += held.long - before.long
        self.short += held.short - before.short
        self.margin += held.margin - before.margin
        if held.gross or held.quantity:
            self._by_symbol[symbol] = held
        else:
            self._by_symbol.pop(symbol, None)


def exposure_of(book: AccountBook, proposal: Proposal) -> Exposure:
    """The account's exposure at the marks, without and with the order; without a mark, at the order's price."""
    account, symbol, added = proposal.account, proposal.symbol, proposal.added_leaves
    exposures = account.exposures
    exposures.refresh(book, account)
    known = before = exposures.of(symbol)
    if proposal.mark_price is None:
        before = _held(book, account, symbol, proposal.reference_price)
    elif known is NOTHING:
        before = _held(book, account, symbol)
    buys = proposal.buys
    bought, sold = before.bought, before.sold
    if buys:
        toward_before, toward_after = before.long, _value(book, account, symbol, before, bought + added)
        net = exposures.long - known.long
        worst = max(abs(bought + added), abs(sold))
    else:
        toward_before, toward_after = before.short, _value(book, account, symbol, before, sold + added)
        net = exposures.short - known.short
        worst = max(abs(bought), abs(sold + added))
    gross_after = _value(book, account, symbol, before, worst)
    gross, margin = exposures.gross - known.gross, exposures.margin - known.margin
    return Exposure(
        account.cash + exposures.value - known.value + before.value,
        gross + before.gross,
        gross + gross_after,
        net + toward_before,
        net + toward_after,
        before.gross,
        gross_after,
        (margin + before.margin) // PRICE_SCALE,
        (margin + gross_after * before.margin_rate) // PRICE_SCALE,
    )


def _value(book: AccountBook, account: Account, symbol: str, held: Held, quantity: int) -> int:
    return quantity * held.price if held.settled else book.value(account, symbol, quantity, held.price)


def _held(book: AccountBook, account: Account, symbol: str, price: int | None = None) -> Held:
    """What an account holds and works in a symbol; price: 1e-9, where it is not the mark."""
    position = account.positions.get(symbol)
    quantity = position.quantity if position else 0
    bought = quantity + account.working_leaves(symbol, Side.BUY)
    sold = account.working_leaves(symbol, Side.SELL) - quantity
    if price is None:
        price = book.mark_price(symbol)
    if price is None:
        price = book.asked_price(account, symbol)
    instrument = book.instruments.get(symbol)
    rate = PRICE_SCALE if instrument is None else instrument.margin_rate
    plain = (instrument is None or instrument.currency == account.currency) and symbol not in book.split_gaps
    worst = max(abs(bought), abs(sold))
    if plain:
        values = (quantity * price, worst * price, bought * price, sold * price)
    else:
        value, gross, long, short = (
            book.value(account, symbol, item, price) for item in (quantity, worst, bought, sold)
        )
        values = (value, gross, long, short)
    return Held(book.marks.get(symbol), position, quantity, plain, price, rate, bought, sold, *values, values[1] * rate)
