"""Pre-trade controls, each a small function; CONTROLS is the order in which they are asked, cheapest first.

To add a control: write a function of a Proposal that returns a Reject or None, and put it into CONTROLS.
Sources of the terms: SEC rule 15c3-5, MiFID II RTS 6 article 15, FIA best practices 2024.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from streams.domain.account import Account, WorkingOrder
from streams.domain.enums import Action, OrderType, Side, TimeInForce, TradingState
from streams.domain.instruments import Instrument
from streams.domain.messages import OrderRequest
from streams.domain.numbers import money_text, price_text


class Reject(NamedTuple):
    """Why a request was refused: a stable code, a sentence, the limit and what was observed (decimal text)."""

    code: str
    text: str
    limit_value: str | None = None
    observed_value: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A NEW or REPLACE request with what the controls judge it by.

    quantity: total order quantity asked for; added_leaves: what it adds to the account's open quantity on
    its side (both 1e-9 units). reference_price: limit price, else the mark, 1e-9; None where neither is known.
    """

    request: OrderRequest
    account: Account
    instrument: Instrument
    side: Side
    order_type: OrderType
    quantity: int
    price: int | None
    added_leaves: int
    reference_price: int | None
    replaced: WorkingOrder | None

    @property
    def subject(self) -> str:
        """How a sentence names the request."""
        return f"order {self.request.order_id}"


Control = Callable[[Proposal], Reject | None]

SUPPORTED_TYPES = (OrderType.MARKET, OrderType.LIMIT)
SUPPORTED_TIMES_IN_FORCE = (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)


def trading_state(proposal: Proposal) -> Reject | None:
    """HALTED refuses all orders, REDUCING those that could increase a position."""
    state = proposal.account.trading_state
    if state is TradingState.HALTED:
        return Reject("TRADING_HALTED", f"{proposal.subject}: account {proposal.account.account_id} is HALTED")
    if state is TradingState.REDUCING and not _reduces_only(proposal):
        text = f"{proposal.subject}: account {proposal.account.account_id} is REDUCING, the order adds to its position"
        return Reject("REDUCE_ONLY", text)
    return None


def _reduces_only(proposal: Proposal) -> bool:
    held = proposal.account.position_quantity(proposal.instrument.symbol)
    closable = -held if proposal.side is Side.BUY else held
    open_leaves = proposal.account.working_leaves(proposal.instrument.symbol, proposal.side)
    return open_leaves + proposal.added_leaves <= max(closable, 0)


def currency(proposal: Proposal) -> Reject | None:
    """The instrument trades in the account's currency."""
    if proposal.instrument.currency != proposal.account.currency:
        text = (
            f"{proposal.subject}: {proposal.instrument.symbol} trades in {proposal.instrument.currency}, "
            f"account {proposal.account.account_id} holds {proposal.account.currency}"
        )
        return Reject("CURRENCY_MISMATCH", text, proposal.account.currency, proposal.instrument.currency)
    return None


def order_type(proposal: Proposal) -> Reject | None:
    """Order type and time in force are ones that the venue takes, and the price fits the type."""
    request, kind = proposal.request, proposal.order_type
    if kind not in SUPPORTED_TYPES:
        return Reject(
            "UNSUPPORTED_ORDER_TYPE",
            f"{proposal.subject}: order type {kind} is not one of {', '.join(SUPPORTED_TYPES)}",
        )
    if request.action is Action.NEW and request.time_in_force not in SUPPORTED_TIMES_IN_FORCE:
        supported = ", ".join(SUPPORTED_TIMES_IN_FORCE)
        return Reject(
            "UNSUPPORTED_TIME_IN_FORCE",
            f"{proposal.subject}: time in force {request.time_in_force} is not one of {supported}",
        )
    if kind is OrderType.LIMIT and proposal.price is None:
        return Reject("PRICE_MISSING", f"{proposal.subject}: a LIMIT order needs a price")
    if kind is OrderType.MARKET and proposal.price is not None:
        return Reject(
            "PRICE_NOT_ALLOWED",
            f"{proposal.subject}: a MARKET order takes no price",
            None,
            price_text(proposal.price),
        )
    return None


def tick_size(proposal: Proposal) -> Reject | None:
    """The price is positive and a multiple of the tick."""
    price, tick = proposal.price, proposal.instrument.tick_size
    if price is None or (price > 0 and price % tick == 0):
        return None
    text = (
        f"{proposal.subject}: price {price_text(price)} is not a positive multiple "
        f"of the tick {price_text(tick)} of {proposal.instrument.symbol}"
    )
    return Reject("TICK_SIZE", text, price_text(tick), price_text(price))


def quantity_bounds(proposal: Proposal) -> Reject | None:
    """The quantity lies within the instrument's minimum and maximum."""
    quantity, instrument = proposal.quantity, proposal.instrument
    asked = price_text(quantity)
    if quantity < instrument.min_quantity:
        minimum = price_text(instrument.min_quantity)
        text = f"{proposal.subject}: quantity {asked} is below the minimum {minimum} of {instrument.symbol}"
        return Reject("MIN_QUANTITY", text, minimum, asked)
    if quantity > instrument.max_quantity:
        maximum = price_text(instrument.max_quantity)
        text = f"{proposal.subject}: quantity {asked} is above the maximum {maximum} of {instrument.symbol}"
        return Reject("MAX_QUANTITY", text, maximum, asked)
    return None


def lot_size(proposal: Proposal) -> Reject | None:
    """The quantity is a multiple of the lot."""
    quantity, lot = proposal.quantity, proposal.instrument.lot_size
    if quantity % lot == 0:
        return None
    text = (
        f"{proposal.subject}: quantity {price_text(quantity)} is not a multiple "
        f"of the lot {price_text(lot)} of {proposal.instrument.symbol}"
    )
    return Reject("LOT_SIZE", text, price_text(lot), price_text(quantity))


def max_order_quantity(proposal: Proposal) -> Reject | None:
    """Maximum order volume of the account (RTS 6 article 15)."""
    limit = proposal.account.limits.max_order_quantity
    if proposal.quantity <= limit:
        return None
    text = (
        f"{proposal.subject}: quantity {price_text(proposal.quantity)} is above the account's limit {price_text(limit)}"
    )
    return Reject("MAX_ORDER_QUANTITY", text, price_text(limit), price_text(proposal.quantity))


def max_order_notional(proposal: Proposal) -> Reject | None:
    """Maximum order value of the account (RTS 6 article 15); a market order is valued at the mark and needs one."""
    if proposal.reference_price is None:
        text = (
            f"{proposal.subject}: no mark of {proposal.instrument.symbol} to value a MARKET order by; "
            "wait for market data or send a LIMIT order"
        )
        return Reject("NO_MARK", text)
    notional, limit = proposal.quantity * proposal.reference_price, proposal.account.limits.max_order_notional
    if notional <= limit:
        return None
    text = f"{proposal.subject}: notional {money_text(notional)} is above the account's limit {money_text(limit)}"
    return Reject("MAX_ORDER_NOTIONAL", text, money_text(limit), money_text(notional))


def max_position(proposal: Proposal) -> Reject | None:
    """Absolute position if every working order of the side and this one filled (15c3-5 capital threshold)."""
    account, symbol, limit = (
        proposal.account,
        proposal.instrument.symbol,
        proposal.account.limits.max_position,
    )
    open_leaves = account.working_leaves(symbol, proposal.side) + proposal.added_leaves
    direction = 1 if proposal.side is Side.BUY else -1
    reached = direction * account.position_quantity(symbol) + open_leaves
    if reached <= limit:
        return None
    text = (
        f"{proposal.subject}: position in {symbol} with working orders could reach "
        f"{price_text(direction * reached)}, beyond the limit {price_text(limit)}"
    )
    return Reject("MAX_POSITION", text, price_text(limit), price_text(direction * reached))


CONTROLS: tuple[Control, ...] = (
    trading_state,
    currency,
    order_type,
    quantity_bounds,
    lot_size,
    tick_size,
    max_order_quantity,
    max_order_notional,
    max_position,
)


def first_reject(proposal: Proposal) -> Reject | None:
    """The answer of the first control that refuses; None where all agree."""
    for control in CONTROLS:
        reject = control(proposal)
        if reject is not None:
            return reject
    return None
