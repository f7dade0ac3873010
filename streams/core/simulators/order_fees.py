"""Fees of orders: the instrument's fee model, rounded to the minor unit of its currency."""

from schemas.records.numbers import MONEY_SCALE, PRICE_SCALE, divide_half_even
from streams.core.reference.instruments import Instrument, multiplied
from streams.core.simulators.execution_config import ExecutionConfig
from streams.core.simulators.fee_models import Executed, FeeModel
from streams.core.simulators.model import ModelKind
from streams.core.simulators.model_catalog import make_model
from streams.core.simulators.venue_order import VenueOrder


class OrderFees:
    """The fees of orders under a configuration."""

    def __init__(self, config: ExecutionConfig) -> None:
        """Raises streams.core.simulators.model.ModelError."""
        self._models: dict[str, FeeModel] = {
            item.symbol: make_model(ModelKind.FEE, item.fee) for item in config.instruments
        }
        self._descriptions = {symbol: model.describe() for symbol, model in self._models.items()}
        self._minor_units: dict[str, int] = {
            currency: MONEY_SCALE // 10**digits for currency, digits in config.minor_units.items()
        }
        """Minor unit by currency, 1e-18."""

    def order_fee(self, order: VenueOrder, instrument: Instrument, before: int) -> int:
        """Returns the fee of the order so far, 1e-18 of the instrument's currency.

        before: see Simulator. If the currency has a minor unit, the fee is rounded to it, half to even.
        """
        added_quantity, added_notional = order.added_quantity, order.added_notional
        removed_quantity, removed_notional = order.cum_quantity - added_quantity, order.notional - added_notional
        multiplier = instrument.contract_multiplier
        if multiplier != PRICE_SCALE:
            added_notional = multiplied(added_notional, multiplier)
            removed_notional = multiplied(removed_notional, multiplier)
            before = multiplied(before, multiplier)
        executed: Executed = tuple.__new__(
            Executed, (added_quantity, added_notional, removed_quantity, removed_notional, order.fills, before)
        )
        fee = self._models[instrument.symbol].order_fee(executed)
        unit = self._minor_units.get(instrument.currency)
        return fee if unit is None or not fee else divide_half_even(fee, unit) * unit

    def describe(self, instrument: Instrument) -> str:
        """Returns the name and parameters of the instrument's fee model."""
        return self._descriptions[instrument.symbol]
