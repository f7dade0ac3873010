"""Fees of orders: the fee model of each instrument, and the minor unit of each currency."""

from streams.domain.config import CoreConfig
from streams.domain.instruments import Instrument
from streams.domain.venue_order import VenueOrder
from streams.execution.catalog import make_part
from streams.execution.fees import Executed, FeeModel, to_minor_unit
from streams.execution.part import PartKind


class OrderFees:
    """What orders cost under a configuration."""

    def __init__(self, config: CoreConfig) -> None:
        """Raises streams.execution.part.PartError."""
        self._models: dict[str, FeeModel] = {
            item.symbol: make_part(PartKind.FEE, item.fee) for item in config.instruments
        }
        self._descriptions = {symbol: model.describe() for symbol, model in self._models.items()}
        self._digits = dict(config.minor_units)

    def order_fee(self, order: VenueOrder, instrument: Instrument, before: int) -> int:
        """Fee of all that the order has executed, 1e-18 of the instrument's currency, in whole minor units."""
        executed = Executed(
            added_quantity=order.added_quantity,
            added_notional=order.added_notional,
            removed_quantity=order.cum_quantity - order.added_quantity,
            removed_notional=order.notional - order.added_notional,
            fills=order.fills,
            before=before,
        )
        fee = self._models[instrument.symbol].order_fee(executed)
        return to_minor_unit(fee, self._digits.get(instrument.currency))

    def describe(self, instrument: Instrument) -> str:
        """The instrument's fee model."""
        return self._descriptions[instrument.symbol]
