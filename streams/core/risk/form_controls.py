"""Controls that no limits switch off: trading state, currency, form of the order, the instrument's steps and bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.records.enums import Side, TradingState
from schemas.records.numbers import price_text
from schemas.records.order_rules import form_problem
from streams.core.risk.breakers.stops import stopped
from streams.core.risk.control import Reject
from streams.core.risk.reduce_only import reduce_only_problem

if TYPE_CHECKING:
    from streams.core.risk.proposal import Proposal


def trading_state(proposal: Proposal) -> Reject | None:
    """HALTED refuses all orders, REDUCING those that could increase a position."""
    state = proposal.account.trading_state
    if state is TradingState.HALTED:
        return Reject("TRADING_HALTED", f"{proposal.subject}: account {proposal.account.account_id} is HALTED")
    if state is TradingState.REDUCING and not _reduces_only(proposal):
        text = f"{proposal.subject}: account {proposal.account.account_id} is REDUCING, the order adds to its position"
        return Reject("REDUCE_ONLY", text)
    return None


def breakers(proposal: Proposal) -> Reject | None:
    """No breaker of the account or of the desk is open against the order."""
    known = proposal.account.breakers
    if not known.stopping and not known.desk_stops:
        return None
    return stopped(proposal.account, proposal.subject, _reduces_only(proposal))


def _reduces_only(proposal: Proposal) -> bool:
    held = proposal.account.position_quantity(proposal.symbol)
    closable = -held if proposal.side is Side.BUY else held
    open_leaves = proposal.account.working_leaves(proposal.symbol, proposal.side)
    return open_leaves + proposal.added_leaves <= max(closable, 0)


def tradable(proposal: Proposal) -> Reject | None:
    """The reference data let the instrument be traded."""
    if proposal.instrument.tradable:
        return None
    text = f"{proposal.subject}: {proposal.symbol} may not be traded, its reference data say tradable = false"
    return Reject("NOT_TRADABLE", text)


def currency(proposal: Proposal) -> Reject | None:
    """The instrument trades in the account's currency, or in one that a declared symbol converts."""
    if proposal.converts:
        return None
    instrument, account = proposal.instrument, proposal.account
    pair = f"{instrument.symbol} trades in {instrument.currency}, account {account.account_id} holds {account.currency}"
    if proposal.converts is None:
        text = f"{proposal.subject}: {pair}, and the symbol that converts has no quote yet; wait for market data"
        return Reject("NO_FX_RATE", text)
    text = f"{proposal.subject}: {pair}, and no conversion between them is declared"
    return Reject("CURRENCY_MISMATCH", text, account.currency, instrument.currency)


def order_form(proposal: Proposal) -> Reject | None:
    """The fields go together; see schemas.records.order_rules."""
    problem = form_problem(proposal.asked)
    return Reject("ORDER_FORM", f"{proposal.subject}: {problem}") if problem else None


def linked_orders(proposal: Proposal) -> Reject | None:
    """A parent is known and, as the orders of a group, of the same symbol."""
    account, asked = proposal.account, proposal.asked
    parent_id = asked.parent_order_id
    if proposal.replaced is not None or (parent_id is None and asked.oco_group is None):
        return None
    if parent_id is not None and parent_id not in account.working and parent_id not in account.seen:
        text = f"{proposal.subject}: account {account.account_id} has no order {parent_id} to wait for; send it first"
        return Reject("UNKNOWN_PARENT", text)
    linked = [] if asked.oco_group is None else account.group(asked.oco_group)
    if parent_id in account.working:
        linked.append(account.working[parent_id])
    other = next((order for order in linked if order.symbol != asked.symbol), None)
    if other is None:
        return None
    text = f"{proposal.subject}: it hangs together with order {other.order_id} of {other.symbol}; one symbol is needed"
    return Reject("ORDER_FORM", text)


def quantity_bounds(proposal: Proposal) -> Reject | None:
    """The quantity lies within the instrument's minimum and maximum."""
    quantity, instrument = proposal.quantity, proposal.instrument
    if instrument.min_quantity <= quantity <= instrument.max_quantity:
        return None
    below = quantity < instrument.min_quantity
    bound = price_text(instrument.min_quantity if below else instrument.max_quantity)
    asked = price_text(quantity)
    how = "below the minimum" if below else "above the maximum"
    text = f"{proposal.subject}: quantity {asked} is {how} {bound} of {instrument.symbol}"
    return Reject("MIN_QUANTITY" if below else "MAX_QUANTITY", text, bound, asked)


def lot_size(proposal: Proposal) -> Reject | None:
    """The quantity, and what an iceberg shows of it, are multiples of the lot."""
    lot, display = proposal.instrument.lot_size, proposal.asked.display_quantity
    if proposal.quantity % lot:
        return _between_lots(proposal, "quantity", proposal.quantity)
    if display is not None and display % lot:
        return _between_lots(proposal, "display quantity", display)
    return None


def _between_lots(proposal: Proposal, name: str, quantity: int) -> Reject:
    lot, asked = price_text(proposal.instrument.lot_size), price_text(quantity)
    text = f"{proposal.subject}: {name} {asked} is not a multiple of the lot {lot} of {proposal.symbol}"
    return Reject("LOT_SIZE", text, lot, asked)


def tick_size(proposal: Proposal) -> Reject | None:
    """Prices are positive and multiples of the tick."""
    tick, price, stop_price = proposal.instrument.tick_size, proposal.asked.price, proposal.asked.stop_price
    if price is not None and (price <= 0 or price % tick):
        return _between_ticks(proposal, "price", price)
    if stop_price is not None and (stop_price <= 0 or stop_price % tick):
        return _between_ticks(proposal, "stop price", stop_price)
    return None


def _between_ticks(proposal: Proposal, name: str, price: int) -> Reject:
    tick, asked = price_text(proposal.instrument.tick_size), price_text(price)
    text = f"{proposal.subject}: {name} {asked} is not a positive multiple of the tick {tick} of {proposal.symbol}"
    return Reject("TICK_SIZE", text, tick, asked)


def has_value(proposal: Proposal) -> Reject | None:
    """The order has a price to be valued by: its own, or the mark."""
    if proposal.reference_price is not None:
        return None
    text = f"{proposal.subject}: no mark of {proposal.symbol} to value the order by; "
    return Reject("NO_MARK", text + "wait for market data or send a LIMIT order")


def reduce_only(proposal: Proposal) -> Reject | None:
    """No fill of a reduce-only order can open or turn the position, whatever else of its side fills; see its module."""
    problem = reduce_only_problem(proposal.account, proposal.asked, proposal.replaced)
    return Reject("REDUCE_ONLY", f"{proposal.subject}: {problem}") if problem else None
