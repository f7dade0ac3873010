"""What an account is worth and what it may still buy: all in its currency, 1e-18."""

from typing import NamedTuple


class Valuation(NamedTuple):
    """position_value: signed; gross_exposure: sum of absolute values; worst_exposure: of what positions could become.

    worst_exposure counts working orders: in each symbol the larger of all buys filling and all sells filling.
    """

    cash: int
    position_value: int
    gross_exposure: int
    worst_exposure: int
    leverage: int
    """1e-9."""

    @property
    def equity(self) -> int:
        """Cash and positions."""
        return self.cash + self.position_value

    @property
    def buying_power(self) -> int:
        """Exposure that may still be added; negative where the account has more than its leverage carries."""
        return self.equity * self.leverage // 10**9 - self.worst_exposure
