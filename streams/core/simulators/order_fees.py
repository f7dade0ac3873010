"""Fees of orders: the fee model of each instrument, and the minor unit of each currency."""

from schemas.records.numbers import MONEY_SCALE, divide_half_even
from streams.core.core_config import CoreConfig
from streams.core.reference.instruments import Instrument
from streams.core.simulators.fees import Executed, FeeModel
from streams.core.simulators.model import PartKind
from streams.core.simulators.model_catalog import make_part
from streams.core.simulators.venue_order import VenueOrder


class OrderFees:
    """What orders cost under a configuration."""

    def __init__(self, config: CoreConfig) -> None:
        """Raises streams.core.simulators.model.PartError."""
        self._models: dict[str, FeeModel] = {
            item.symbol: make_part(PartKind.FEE, item.fee) for item in config.instruments
        }
        self._descriptions = {symbol: model.describe() for symbol, model in self._models.items()}
        self._minor_units: dict[str, int] = {
            currency: MONEY_SCALE // 10**digits for currency, digits in config.minor_units.items()
        }
        """In 1e-18."""

    def order_fee(self, order: VenueOrder, instrument: Instrument, before: int) -> int:
        """Fee of all that the order has executed, 1e-18 of the instrument's currency.

        Where the currency has a minor unit rounded to it, half to even.
        """
        added_quantity, added_notional = order.added_quantity, order.added_notional
        removed_quantity, removed_notional = order.cum_quantity - added_quantity, order.notional - added_notional
        executed = Executed(added_quantity, added_notional, removed_quantity, removed_notional, order.fills, before)
        fee = self._models[instrument.symbol].order_fee(executed)
        unit = self._minor_units.get(instrument.currency)
        return fee if unit is None else divide_half_even(fee, unit) * unit

    def describe(self, instrument: Instrument) -> str:
        """The instrument's fee model."""
        return self._descriptions[instrument.symbol]
