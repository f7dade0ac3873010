"""What the accounts with breakers of equity hold, valued at the last marks, so that a mark costs only those it moves.

Worked out from the accounts and the marks, and kept up to date: no state of its own.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.core.accounts.state.account import Account
    from streams.core.accounts.state.shard_state import AccountBook


class Held:
    """An account's positions at the mark, 1e-18 of its currency. settled: cash and open positions at cost."""

    __slots__ = ("marks", "settled", "total", "values")

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.marks: dict[str, tuple[str, ...]] = {}
        """By position the symbols whose marks value it: its own, and the one that converts its currency."""
        self.total = 0
        self.settled = 0


class Holdings:
    """Held positions by account, and accounts by the symbols whose marks move them."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._moved: dict[str, dict[str, dict[str, None]]] = {}
        """By the symbol of a mark: accounts, and their positions that it moves."""
        self._ranks: dict[str, int] = {}

    def watch(self, book: "AccountBook", account: "Account", watched: bool) -> None:
        """Starts, or starts afresh, or ends to value an account."""
        name = account.account_id
        for moved in self._moved.values():
            moved.pop(name, None)
        self._held.pop(name, None)
        if name not in self._ranks:
            self._ranks[name] = len(self._ranks)
        if watched:
            held = self._held[name] = Held()
            held.settled = account.cash
            for symbol in account.positions:
                self.revalue(book, account, symbol)
            self.settle(account)

    def of(self, account: "Account") -> Held | None:
        """What an account holds; None where nobody asks."""
        return self._held.get(account.account_id)

    def settle(self, account: "Account") -> None:
        """Cash or positions have changed."""
        held = self._held.get(account.account_id)
        if held is not None:
            held.settled = account.cash + sum(position.cost for position in account.positions.values())

    def revalue(self, book: "AccountBook", account: "Account", symbol: str) -> None:
        """A position, or what values it, has changed."""
        held = self._held.get(account.account_id)
        if held is None:
            return
        quantity = account.position_quantity(symbol)
        value = 0
        if quantity:
            price = book.mark_price(symbol)
            assert price is not None, "a fill marks its symbol"
            value = book.value(account, symbol, quantity, price)
        held.total += value - held.values.get(symbol, 0)
        if quantity:
            if symbol not in held.values:
                self._enter(book, account, symbol, held)
            held.values[symbol] = value
        elif held.values.pop(symbol, None) is not None:
            for mark in held.marks.pop(symbol):
                positions = self._moved[mark][account.account_id]
                del positions[symbol]
                if not positions:
                    del self._moved[mark][account.account_id]

    def _enter(self, book: "AccountBook", account: "Account", symbol: str, held: Held) -> None:
        held.marks[symbol] = book.marks_behind(account, symbol)
        for mark in held.marks[symbol]:
            self._moved.setdefault(mark, {}).setdefault(account.account_id, {})[symbol] = None

    def moved_by(self, symbol: str) -> Iterator[tuple[str, list[str]]]:
        """Accounts whose positions a mark of the symbol values, in the order of their first sessions."""
        moved = self._moved.get(symbol)
        if moved:
            for name in sorted(moved, key=self._ranks.__getitem__):
                yield name, sorted(moved[name])
