"""Controls that no limit switches off: trading state, currency, order form, and the instrument's steps and bounds."""

from __future__ import annotations

from schemas.records.bounds import ENTRY_MAX
from schemas.records.enums import Side, TradingState
from schemas.records.numbers import PRICE_MAX, money_text, price_text
from schemas.records.order_rules import form_problem
from streams.core.risk.breakers.stops import breaker_reject
from streams.core.risk.proposal import Proposal, Reject
from streams.core.risk.reduce_only import reduce_only_problem


def trading_state(proposal: Proposal) -> Reject | None:
    """Refuses all orders if HALTED, and orders that could increase a position if REDUCING."""
    state = proposal.trading_state
    if state is TradingState.HALTED:
        return Reject("TRADING_HALTED", f"{proposal.subject}: account {proposal.account_id} is HALTED")
    if state is TradingState.REDUCING and not _reduces_only(proposal):
        text = f"{proposal.subject}: account {proposal.account_id} is REDUCING, the order adds to its position"
        return Reject("REDUCE_ONLY", text)
    return None


def breakers(proposal: Proposal) -> Reject | None:
    """Refuses an order that an open breaker of the account or of the desk stops."""
    known = proposal.breakers
    if not known.stopping and not known.desk_stops:
        return None
    return breaker_reject(proposal, _reduces_only(proposal))


def _reduces_only(proposal: Proposal) -> bool:
    held = proposal.ledger.position_quantity(proposal.symbol)
    closable = -held if proposal.side is Side.BUY else held
    open_leaves = proposal.ledger.working_leaves(proposal.symbol, proposal.side)
    return open_leaves + proposal.added_leaves <= max(closable, 0)


def tradable(proposal: Proposal) -> Reject | None:
    """Refuses an instrument that is not tradable by its reference data, or that has expired."""
    instrument = proposal.instrument
    if instrument.is_expired(proposal.ledger.clock_ns):
        text = f"{proposal.subject}: {proposal.symbol} has expired; trade an instrument of a later expiry"
        return Reject("INSTRUMENT_EXPIRED", text)
    if instrument.tradable:
        return None
    text = f"{proposal.subject}: {proposal.symbol} may not be traded, its reference data say tradable = false"
    return Reject("NOT_TRADABLE", text)


def currency(proposal: Proposal) -> Reject | None:
    """Refuses an instrument whose currency is not the account's, and that no declared symbol converts."""
    if proposal.converts:
        return None
    instrument, ledger = proposal.instrument, proposal.ledger
    pair = f"{instrument.symbol} trades in {instrument.currency}, account {ledger.account_id} holds {ledger.currency}"
    if proposal.converts is None:
        text = f"{proposal.subject}: {pair}, and the symbol that converts has no quote yet; wait for market data"
        return Reject("NO_FX_RATE", text)
    text = f"{proposal.subject}: {pair}, and no conversion between them is declared"
    return Reject("CURRENCY_MISMATCH", text, ledger.currency, instrument.currency)


def order_form(proposal: Proposal) -> Reject | None:
    """Refuses fields that do not go together; see schemas.records.order_rules."""
    problem = form_problem(proposal.asked)
    return Reject("ORDER_FORM", f"{proposal.subject}: {problem}") if problem else None


def linked_orders(proposal: Proposal) -> Reject | None:
    """Refuses an unknown parent, and a parent or group of another symbol."""
    ledger, asked = proposal.ledger, proposal.asked
    parent_id = asked.parent_order_id
    if proposal.replaced is not None or (parent_id is None and asked.oco_group is None):
        return None
    if parent_id is not None and parent_id not in ledger.working and parent_id not in ledger.seen:
        text = f"{proposal.subject}: account {ledger.account_id} has no order {parent_id} to wait for; send it first"
        return Reject("UNKNOWN_PARENT", text)
    linked = [] if asked.oco_group is None else ledger.group(asked.oco_group)
    if parent_id in ledger.working:
        linked.append(ledger.working[parent_id])
    other = next((order for order in linked if order.symbol != asked.symbol), None)
    if other is None:
        return None
    text = f"{proposal.subject}: it hangs together with order {other.order_id} of {other.symbol}; one symbol is needed"
    return Reject("ORDER_FORM", text)


def quantity_bounds(proposal: Proposal) -> Reject | None:
    """Refuses a quantity outside of the instrument's minimum and maximum."""
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
    """Refuses a quantity or display quantity that is not a multiple of the lot."""
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
    """Refuses prices that are not positive multiples of the tick."""
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
    """Refuses an order that has neither a price of its own nor a mark to be valued by."""
    if proposal.reference_price is not None:
        return None
    text = f"{proposal.subject}: no mark of {proposal.symbol} to value the order by; "
    return Reject("NO_MARK", text + "wait for market data or send a LIMIT order")


def amount_range(proposal: Proposal) -> Reject | None:
    """Refuses an order that could bring position or money near the bounds of their types; see schemas.records.bounds.

    An order that does not raise the exposure in its instrument passes.
    """
    reached = proposal.reached
    if reached > PRICE_MAX and proposal.added_leaves:
        text = f"position in {proposal.symbol} with working orders could reach {price_text(reached)}"
        return _beyond_range(proposal, text, price_text(PRICE_MAX), price_text(reached))
    exposure = proposal.exposure()
    amount = exposure.symbol_after
    if amount <= exposure.symbol_before:
        return None
    position = proposal.ledger.positions.get(proposal.symbol)
    if position is not None:
        amount += position.booked
    if amount <= ENTRY_MAX:
        return None
    text = f"exposure and booked money in {proposal.symbol} could come to {money_text(amount)}"
    return _beyond_range(proposal, text, money_text(ENTRY_MAX), money_text(amount))


def _beyond_range(proposal: Proposal, what: str, most: str, observed: str) -> Reject:
    text = f"{proposal.subject}: {what}, the most that an account can keep is {most}; send a smaller order"
    return Reject("AMOUNT_RANGE", text, most, observed)


def reduce_only(proposal: Proposal) -> Reject | None:
    """Refuses an order beside which a reduce-only order could open or turn the position; see risk.reduce_only."""
    problem = reduce_only_problem(proposal.ledger, proposal.asked, proposal.replaced)
    return Reject("REDUCE_ONLY", f"{proposal.subject}: {problem}") if problem else None
