"""What an order would make of an account's exposure; kept by symbol, and worked out again where something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.domain.enums import Side
from streams.domain.numbers import PRICE_SCALE

if TYPE_CHECKING:
    from streams.domain.account import Account
    from streams.domain.account_book import AccountBook
    from streams.domain.portfolio import Position
    from streams.risk.proposal import Proposal


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

    long, short: with all buys, all sells filled. margin: 1e-27. settled: the mark and the position say whether it still
    holds; otherwise more does, such as a rate of exchange.
    """

    mark: tuple[int | None, int | None] | None
    position: Position | None
    quantity: int
    settled: bool
    value: int
    gross: int
    long: int
    short: int
    margin: int


NOTHING = Held(None, None, 0, True, 0, 0, 0, 0, 0)


class Exposures:
    """Of one account. touched: symbols whose working orders have changed, or of which nothing is known yet."""

    __slots__ = ("_held", "gross", "long", "margin", "short", "touched", "value")

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self.touched: dict[str, None] = {}
        self.value = self.gross = self.long = self.short = self.margin = 0

    def refresh(self, book: AccountBook, account: Account) -> None:
        """Works out again what has changed since."""
        marks, gaps, stale = book.marks, book.split_gaps, self.touched
        for symbol, held in self._held.items():
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
        return self._held.get(symbol, NOTHING)

    def _put(self, symbol: str, held: Held) -> None:
        before = self._held.get(symbol, NOTHING)
        self.value += held.value - before.value
        self.gross += held.gross - before.gross
        self.long += held.long - before.long
        self.short += held.short - before.short
        self.margin += held.margin - before.margin
        if held.gross or held.quantity:
            self._held[symbol] = held
        else:
            self._held.pop(symbol, None)


def exposure_of(book: AccountBook, proposal: Proposal) -> Exposure:
    """The account's exposure at the marks, without and with the order; without a mark, at the order's price."""
    account, symbol, added = proposal.account, proposal.symbol, proposal.added_leaves
    exposures = account.exposures
    exposures.refresh(book, account)
    known = before = exposures.of(symbol)
    price = proposal.mark_price
    if price is None:
        price = proposal.reference_price
        assert price is not None, "an order is judged with a price"
        before = _held(book, account, symbol, price)
    buys = proposal.buys
    after = _held(book, account, symbol, price, *((added, 0) if buys else (0, added))) if added else before
    gross = exposures.gross - known.gross
    margin = exposures.margin - known.margin
    net = exposures.long - known.long if buys else exposures.short - known.short
    return Exposure(
        account.cash + exposures.value - known.value + before.value,
        gross + before.gross,
        gross + after.gross,
        net + (before.long if buys else before.short),
        net + (after.long if buys else after.short),
        before.gross,
        after.gross,
        (margin + before.margin) // PRICE_SCALE,
        (margin + after.margin) // PRICE_SCALE,
    )


def _held(
    book: AccountBook,
    account: Account,
    symbol: str,
    price: int | None = None,
    added_buys: int = 0,
    added_sells: int = 0,
) -> Held:
    position = account.positions.get(symbol)
    quantity = position.quantity if position else 0
    long = quantity + account.working_leaves(symbol, Side.BUY) + added_buys
    short = account.working_leaves(symbol, Side.SELL) + added_sells - quantity
    if price is None:
        price = book.mark_price(symbol)
    if price is None:
        price = book.asked_price(account, symbol)
    instrument = book.instruments.get(symbol)
    rate = PRICE_SCALE if instrument is None else instrument.margin_rate
    plain = (instrument is None or instrument.currency == account.currency) and symbol not in book.split_gaps
    worst = max(abs(long), abs(short))
    if plain:
        gross = worst * price
        numbers = (quantity * price, gross, long * price, short * price)
    else:
        gross = book.value(account, symbol, worst, price)
        value, bought, sold = (book.value(account, symbol, item, price) for item in (quantity, long, short))
        numbers = (value, gross, bought, sold)
    return Held(book.marks.get(symbol), position, quantity, plain, *numbers, gross * rate)
