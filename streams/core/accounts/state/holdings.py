"""Values of the positions of accounts whose breakers judge equity, so that a mark costs only the accounts it moves.

Derived from the accounts and the marks, and kept up to date: no state of its own.
"""

from collections.abc import Iterator

from streams.core.ledger.ledger import Ledger
from streams.core.ledger.marks import Marks


class HeldValues:
    """The positions of an account at the marks, 1e-18 of its currency.

    values: by symbol; total: their sum. settled: the balance, that is cash and open positions at cost. marks: by symbol
    of a position the symbols whose marks value it.
    """

    __slots__ = ("marks", "settled", "total", "values")

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.marks: dict[str, tuple[str, ...]] = {}
        self.total = 0
        self.settled = 0


class Holdings:
    """Values of positions by account, and accounts by the symbols whose marks move them."""

    def __init__(self) -> None:
        self._held: dict[str, HeldValues] = {}
        self._moved: dict[str, dict[str, dict[str, None]]] = {}
        """By the symbol of a mark: accounts with the positions that it moves."""
        self._ranks: dict[str, int] = {}

    def watch(self, marks: Marks, ledger: Ledger, watched: bool) -> None:
        """Starts to value an account, afresh if it is valued already, or stops."""
        name = ledger.account_id
        for moved in self._moved.values():
            moved.pop(name, None)
        self._held.pop(name, None)
        if name not in self._ranks:
            self._ranks[name] = len(self._ranks)
        if watched:
            held = self._held[name] = HeldValues()
            held.settled = ledger.cash
            for symbol in ledger.positions:
                self.revalue(marks, ledger, symbol)
            self.settle(ledger)

    def of(self, ledger: Ledger) -> HeldValues | None:
        """Returns the values of an account's positions; None if it is not watched."""
        return self._held.get(ledger.account_id)

    def settle(self, ledger: Ledger) -> None:
        """Takes in changed cash or positions."""
        held = self._held.get(ledger.account_id)
        if held is not None:
            held.settled = ledger.cash + sum(position.cost for position in ledger.positions.values())

    def revalue(self, marks: Marks, ledger: Ledger, symbol: str) -> None:
        """Takes in a changed position or mark."""
        held = self._held.get(ledger.account_id)
        if held is None:
            return
        quantity = ledger.position_quantity(symbol)
        value = 0
        if quantity:
            price = marks.price(symbol)
            assert price is not None, "a fill marks its symbol"
            value = marks.value(symbol, quantity, price, ledger.currency)
        held.total += value - held.values.get(symbol, 0)
        if quantity:
            if symbol not in held.values:
                self._enter(marks, ledger, symbol, held)
            held.values[symbol] = value
        elif held.values.pop(symbol, None) is not None:
            for mark in held.marks.pop(symbol):
                positions = self._moved[mark][ledger.account_id]
                del positions[symbol]
                if not positions:
                    del self._moved[mark][ledger.account_id]

    def _enter(self, marks: Marks, ledger: Ledger, symbol: str, held: HeldValues) -> None:
        held.marks[symbol] = tuple(dict.fromkeys(marks.symbols_behind(symbol, ledger.currency)))
        for mark in held.marks[symbol]:
            self._moved.setdefault(mark, {}).setdefault(ledger.account_id, {})[symbol] = None

    def moved_by(self, symbol: str) -> Iterator[tuple[str, list[str]]]:
        """Yields the accounts whose positions a mark values, in the order of their first sessions."""
        moved = self._moved.get(symbol)
        if moved:
            for name in sorted(moved, key=self._ranks.__getitem__):
                yield name, sorted(moved[name])
