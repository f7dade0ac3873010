"""Position arithmetic at average cost. It is exact: cash flows = realised PnL - open cost at every step."""

from dataclasses import dataclass

from schemas.records.bounds import BOOKED_MAX, as_price
from schemas.records.numbers import PRICE_MAX, PRICE_SCALE, divide_half_even


@dataclass(slots=True)
class Position:
    """An open quantity with its cost. All sums are since the session opened and in the account's currency.

    quantity: 1e-9 units, negative if short. cost: 1e-18 of the currency, negative if short. gross_realised: PnL of
    closed quantities before commission. commission: of all fills. borrow_fees: for borrowed units; funding, dividends:
    received, negative if paid; none of the three is part of the realised PnL. All 1e-18. multiplier: units of the
    underlying in a contract at the last fill, 1e-9.
    """

    quantity: int = 0
    cost: int = 0
    gross_realised: int = 0
    commission: int = 0
    borrow_fees: int = 0
    funding: int = 0
    dividends: int = 0
    multiplier: int = PRICE_SCALE

    @property
    def realised_pnl(self) -> int:
        """Realised PnL net of commissions, 1e-18."""
        return self.gross_realised - self.commission

    @property
    def settled_pnl(self) -> int:
        """Realised PnL with what holding the position has cost and brought, 1e-18."""
        return self.realised_pnl - self.borrow_fees + self.funding + self.dividends

    @property
    def average_price(self) -> int | None:
        """cost / (quantity * multiplier), half even to 1e-9, cut at PRICE_MAX; None if flat."""
        if self.quantity == 0:
            return None
        if self.multiplier == PRICE_SCALE:
            return as_price(divide_half_even(abs(self.cost), abs(self.quantity)))
        return as_price(divide_half_even(abs(self.cost) * PRICE_SCALE, abs(self.quantity) * self.multiplier))

    @property
    def booked(self) -> int:
        """Cost and gross realised PnL without their signs, 1e-18; the bounds limit their sum."""
        return abs(self.cost) + abs(self.gross_realised)

    def can_take(self, quantity: int, notional: int, commission: int) -> bool:
        """Returns whether a fill of this size keeps all numbers within their bounds; see schemas.records.bounds."""
        return (
            abs(self.quantity) + quantity <= PRICE_MAX
            and self.booked + notional <= BOOKED_MAX
            and abs(self.commission) + abs(commission) <= BOOKED_MAX
        )

    def book_fill(self, signed_quantity: int, price: int, commission: int) -> int:
        """Books a fill in the account's own currency; see book_notional. price: 1e-9."""
        return self.book_notional(signed_quantity, abs(signed_quantity) * price, commission)

    def book_notional(self, signed_quantity: int, notional: int, commission: int) -> int:
        """Books a fill and returns its own realised PnL, net of commission, 1e-18.

        signed_quantity: 1e-9 units, negative for a sell. notional: its value, 1e-18 of the account's currency. The part
        that closes leaves at average cost, half even to 1e-18; the rounding stays in the open cost. The part beyond
        flat opens at the fill's price.
        """
        if signed_quantity == 0:
            raise ValueError("a fill of quantity 0 can't be booked")
        flow = -notional if signed_quantity > 0 else notional
        before = self.gross_realised - self.cost
        gross = 0
        if self.quantity * signed_quantity < 0:
            closed = min(abs(signed_quantity), abs(self.quantity))
            released = divide_half_even(self.cost * closed, abs(self.quantity))
            direction = 1 if self.quantity > 0 else -1
            value = divide_half_even(notional * closed, abs(signed_quantity))
            gross = direction * value - released
            self.quantity -= direction * closed
            self.cost -= released
            signed_quantity += direction * closed
            notional -= value
        self.quantity += signed_quantity
        self.cost += notional if signed_quantity > 0 else -notional
        self.gross_realised += gross
        self.commission += commission
        assert self.gross_realised - self.cost == before + flow, "cash flow and PnL must reconcile"
        assert self.quantity != 0 or self.cost == 0, "a flat position costs nothing"
        return gross - commission

    def split(self, to: int, of: int) -> bool:
        """Restates a split of `of` units into `to` units at the same cost, half even to 1e-9 units.

        Returns False, and changes nothing, if the new quantity is out of range.
        """
        quantity = divide_half_even(self.quantity * to, of)
        if abs(quantity) > PRICE_MAX:
            return False
        self.quantity = quantity
        if quantity == 0:
            self.gross_realised -= self.cost
            self.cost = 0
        return True

    def pay_out(self, value: int) -> int:
        """Closes the position for cash instead of a fill, and returns the cash. value: signed, 1e-18.

        A value out of bounds is cut to the cost, so that nothing is won or lost.
        """
        if abs(value) + self.booked > BOOKED_MAX:
            value = self.cost
        self.gross_realised += value - self.cost
        self.quantity = self.cost = 0
        return value
