"""Pre-trade controls, each a small function; CONTROLS is the order in which they are asked, cheapest first.

To add a control: write a function of a Proposal that returns a Reject or None, and put it into CONTROLS.
Sources of the terms: SEC rule 15c3-5, MiFID II RTS 6 article 15, FIA best practices 2024.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from streams.domain.account import Account, WorkingOrder
from streams.domain.enums import Side, TradingState
from streams.domain.instruments import Instrument
from streams.domain.messages import OrderRequest
from streams.domain.numbers import money_text, price_text
from streams.domain.order_rules import form_problem
from streams.domain.valuation import Valuation
from streams.risk.reduce_only import reduce_only_problem


class Reject(NamedTuple):
    """Why a request was refused: a stable code, a sentence, the limit and what was observed (decimal text)."""

    code: str
    text: str
    limit_value: str | None = None
    observed_value: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A NEW or REPLACE request with what the controls judge it by.

    asked: the order as it would be; added_leaves: what it adds to the account's open quantity on its side (1e-9 units).
    reference_price: limit or stop price, else the mark, 1e-9; None where none is known. valuation: the account's, with
    an order to count as working or without. converts: whether the instrument's currency has a rate; None: not yet.
    """

    request: OrderRequest
    account: Account
    instrument: Instrument
    asked: OrderRequest
    added_leaves: int
    reference_price: int | None
    replaced: WorkingOrder | None
    valuation: Callable[..., Valuation]
    converts: bool | None

    @property
    def subject(self) -> str:
        """How a sentence names the request."""
        return f"order {self.request.order_id}"

    @property
    def side(self) -> Side:
        """Of the order."""
        return self.asked.side

    @property
    def quantity(self) -> int:
        """Total quantity asked for, 1e-9 units."""
        assert self.asked.quantity is not None
        return self.asked.quantity


Control = Callable[[Proposal], Reject | None]


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
    """The instrument trades in the account's currency, or in one that a declared symbol converts."""
    instrument, account = proposal.instrument, proposal.account
    if proposal.converts:
        return None
    pair = f"{instrument.symbol} trades in {instrument.currency}, account {account.account_id} holds {account.currency}"
    if proposal.converts is None:
        text = f"{proposal.subject}: {pair}, and the symbol that converts has no quote yet; wait for market data"
        return Reject("NO_FX_RATE", text)
    text = f"{proposal.subject}: {pair}, and no conversion between them is declared"
    return Reject("CURRENCY_MISMATCH", text, account.currency, instrument.currency)


def order_form(proposal: Proposal) -> Reject | None:
    """The fields go together; see streams.domain.order_rules."""
    problem = form_problem(proposal.asked)
    return Reject("ORDER_FORM", f"{proposal.subject}: {problem}") if problem else None


def linked_orders(proposal: Proposal) -> Reject | None:
    """A parent is known and, as the orders of a group, of the same symbol."""
    account, asked = proposal.account, proposal.asked
    if proposal.replaced is not None:
        return None
    parent_id = asked.parent_order_id
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


def tick_size(proposal: Proposal) -> Reject | None:
    """Prices are positive and multiples of the tick."""
    tick = proposal.instrument.tick_size
    for name in ("price", "stop_price"):
        price = getattr(proposal.asked, name)
        if price is not None and (price <= 0 or price % tick):
            text = (
                f"{proposal.subject}: {name.replace('_', ' ')} {price_text(price)} is not a positive multiple "
                f"of the tick {price_text(tick)} of {proposal.instrument.symbol}"
            )
            return Reject("TICK_SIZE", text, price_text(tick), price_text(price))
    return None


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
    """The quantity, and what an iceberg shows of it, are multiples of the lot."""
    lot = proposal.instrument.lot_size
    for name, quantity in (("quantity", proposal.quantity), ("display quantity", proposal.asked.display_quantity)):
        if quantity is not None and quantity % lot:
            text = (
                f"{proposal.subject}: {name} {price_text(quantity)} is not a multiple "
                f"of the lot {price_text(lot)} of {proposal.instrument.symbol}"
            )
            return Reject("LOT_SIZE", text, price_text(lot), price_text(quantity))
    return None


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
            f"{proposal.subject}: no mark of {proposal.instrument.symbol} to value the order by; "
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


def reduce_only(proposal: Proposal) -> Reject | None:
    """No fill of a reduce-only order can open or turn the position, whatever else of its side fills; see its module."""
    problem = reduce_only_problem(proposal.account, proposal.asked, proposal.replaced)
    return Reject("REDUCE_ONLY", f"{proposal.subject}: {problem}") if problem else None


def buying_power(proposal: Proposal) -> Reject | None:
    """Gross exposure, if working orders filled, within equity * leverage (15c3-5 credit threshold).

    An order that can't raise the exposure passes, also where the account is above its limit.
    """
    assert proposal.reference_price is not None
    added = (proposal.asked.symbol, proposal.side, proposal.added_leaves, proposal.reference_price)
    before, after = proposal.valuation(), proposal.valuation(added)
    if after.buying_power >= 0 or after.worst_exposure <= before.worst_exposure:
        return None
    needed, has = after.worst_exposure - before.worst_exposure, max(before.buying_power, 0)
    leverage = price_text(proposal.account.limits.leverage)
    text = (
        f"{proposal.subject}: it may add an exposure of {money_text(needed)} {proposal.account.currency}, "
        f"the account's buying power is {money_text(has)} (equity * leverage {leverage} - exposure)"
    )
    return Reject("BUYING_POWER", text, money_text(has), money_text(needed))


CONTROLS: tuple[Control, ...] = (
    trading_state,
    currency,
    order_form,
    linked_orders,
    quantity_bounds,
    lot_size,
    tick_size,
    max_order_quantity,
    max_order_notional,
    max_position,
    reduce_only,
    buying_power,
)


def first_reject(proposal: Proposal) -> Reject | None:
    """The answer of the first control that refuses; None where all agree."""
    for control in CONTROLS:
        reject = control(proposal)
        if reject is not None:
            return reject
    return None
