"""A slow model of round trips and FIFO lots, unit by unit, to test the SQL with."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple


class Trade(NamedTuple):
    """A fill. signed: units, negative for a sale; split: units that each unit held before it has become."""

    signed: int
    price: Decimal
    fee: Decimal
    split: int = 1


class Closed(NamedTuple):
    """A closed lot or round trip, with the indexes of its first and last fill."""

    direction: int
    opened: int
    closed: int
    quantity: Fraction
    pnl: Fraction


def lots(trades: Sequence[Trade]) -> tuple[list[Closed], Fraction]:
    """Returns the lots of single units that pass through a queue, and the quantity that stays open.

    Units are those after the last split that a position went through.
    """
    seen = _splits_of_positions(trades)
    queue: deque[tuple[int, int, Fraction]] = deque()  # Direction, fill, cost with fee of a unit.
    found: dict[tuple[int, int, int], list[Fraction]] = {}
    for number, trade in enumerate(trades):
        later = 1
        for split in seen[number + 1 :]:
            later *= split
        direction = 1 if trade.signed > 0 else -1
        units = abs(trade.signed) * later
        price = Fraction(trade.price) / later
        fee = Fraction(trade.fee) / units
        for _ in range(units):
            if queue and queue[0][0] != direction:
                side, opened, cost = queue.popleft()
                entry = found.setdefault((opened, number, side), [Fraction(0), Fraction(0)])
                entry[0] += 1
                entry[1] += side * price - fee - cost
            else:
                queue.append((direction, number, direction * price + fee))
    closed = [Closed(side, opened, ended, *sums) for (opened, ended, side), sums in sorted(found.items())]
    return closed, Fraction(len(queue))


def _splits_of_positions(trades: Sequence[Trade]) -> list[int]:
    """Returns the splits before each fill; 1 if there was no position to split."""
    position, seen = 0, []
    for trade in trades:
        seen.append(trade.split if position else 1)
        position = position * trade.split + trade.signed
    return seen


def round_trips(trades: Sequence[Trade]) -> list[Closed]:
    """Returns the round trips from flat to flat. A fill through flat belongs to two; its fee is divided by units."""
    trips, position, cash, entered, first, direction = [], 0, Fraction(0), Fraction(0), 0, 0
    for number, trade in enumerate(trades):
        position *= trade.split
        left = trade.signed
        while left:
            if position == 0:
                first, direction, cash, entered = number, 1 if left > 0 else -1, Fraction(0), Fraction(0)
            opening = position * left >= 0
            part = -position if not opening and abs(left) > abs(position) else left
            fee = Fraction(trade.fee) * abs(part) / abs(trade.signed)
            cash += -part * Fraction(trade.price) - fee
            entered += abs(part) if opening else 0
            position += part
            left -= part
            if position == 0:
                trips.append(Closed(direction, first, number, entered, cash))
    return trips
