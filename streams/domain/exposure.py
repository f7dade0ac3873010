"""What an order would make of an account's exposure: one pass over what the account holds and works."""

from typing import TYPE_CHECKING, NamedTuple

from streams.domain.enums import Side
from streams.domain.numbers import PRICE_SCALE

if TYPE_CHECKING:
    from streams.domain.account_book import AccountBook
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


def exposure_of(book: "AccountBook", proposal: "Proposal") -> Exposure:
    """The account's exposure at the marks, without and with the order; without a mark, at the order's price."""
    account, asked_symbol, buys = proposal.account, proposal.symbol, proposal.buys
    equity = account.cash
    gross = net = margin = symbol_before = 0
    gross_after = net_after = margin_after = symbol_after = 0
    for symbol in account.symbols_with(asked_symbol):
        quantity = account.position_quantity(symbol)
        bought, sold = account.working_leaves(symbol, Side.BUY), account.working_leaves(symbol, Side.SELL)
        judged = symbol == asked_symbol
        if not (quantity or bought or sold or judged):
            continue
        price = book.mark_price(symbol)
        if price is None:
            price = proposal.reference_price if judged else book.asked_price(account, symbol)
            assert price is not None, "an order is judged with a price"
        instrument = book.instruments.get(symbol)
        rate = PRICE_SCALE if instrument is None else instrument.margin_rate
        before = _worst(quantity, bought, sold)
        toward = quantity + bought if buys else sold - quantity
        if (instrument is None or instrument.currency == account.currency) and symbol not in book.split_gaps:
            equity += quantity * price
            worst, side = before * price, toward * price
        else:
            equity += book.value(account, symbol, quantity, price)
            worst, side = book.value(account, symbol, before, price), book.value(account, symbol, toward, price)
        gross += worst
        net += side
        margin += worst * rate
        if judged:
            added = proposal.added_leaves
            after = _worst(quantity, bought + added, sold) if buys else _worst(quantity, bought, sold + added)
            symbol_before, symbol_after = worst, book.value(account, symbol, after, price)
            gross_after = symbol_after - worst
            net_after = book.value(account, symbol, toward + added, price) - side
            margin_after = gross_after * rate
    return Exposure(
        equity,
        gross,
        gross + gross_after,
        net,
        net + net_after,
        symbol_before,
        symbol_after,
        margin // PRICE_SCALE,
        (margin + margin_after) // PRICE_SCALE,
    )


def _worst(quantity: int, bought: int, sold: int) -> int:
    """The largest absolute position that filling all buys or all sells gives."""
    return max(abs(quantity + bought), abs(quantity - sold))
