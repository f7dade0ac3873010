"""An example of an execution model in a package of its own: a fee per contract with a cap per order."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from schemas.records.numbers import to_money, to_price
from streams.core.simulators.fee_models import Executed
from streams.core.simulators.model import Model


class PerContract(Model):
    """An amount per contract, at most cap per order; both in the instrument's currency."""

    model: ClassVar[str] = "per-contract"
    amount: Decimal = Field(ge=0, decimal_places=9)
    cap: Decimal = Field(default=Decimal(10), ge=0, decimal_places=9)

    def order_fee(self, executed: Executed) -> int:
        """See streams.core.simulators.fee_models.FeeModel."""
        return min(executed.quantity * to_price(self.amount), to_money(self.cap))
