"""The rule of changed contracts: what decides the money of a position stays while the position or its orders are open.

Positions are valued by the multiplier and in the currency that the reference data have now, and were booked by those of
their fills. Working orders keep the expiry with which they came to the venue.
"""

from schemas.records.numbers import PRICE_SCALE, price_text
from streams.core.accounts.state.shard_state import ShardState
from streams.core.core_config import CoreConfig
from streams.core.reference.instruments import Instrument


def contract_problem(state: ShardState, config: CoreConfig) -> str | None:
    """Returns why a configuration can't follow the present one; None if it can."""
    after = {item.symbol: Instrument.from_config(item) for item in config.instruments}
    for symbol, old in state.instruments.items():
        new = after.get(symbol)
        change = _change_of_money(old, new)
        late = new is not None and new.expires_ns != old.expires_ns
        if change is None and not late:
            continue
        for name, account in state.accounts.items():
            if account.ledger.orders_in(symbol):
                what = change or "expires_at"
                return f"account {name} has working orders in {symbol}, whose {what} changes; {_remedy(what)}"
            held = account.ledger.position_quantity(symbol)
            if held and change is not None:
                return f"account {name} holds {price_text(held)} {symbol}, whose {change} changes; {_remedy(change)}"
    return None


def _change_of_money(old: Instrument, new: Instrument | None) -> str | None:
    """Returns the changed field that decides money. An instrument that is gone counts as one of single units."""
    if (PRICE_SCALE if new is None else new.contract_multiplier) != old.contract_multiplier:
        return "contract_multiplier"
    return "currency" if new is not None and new.currency != old.currency else None


def _remedy(field: str) -> str:
    return f"bring the old {field} back into the instruments file, close what is open, then change it"
