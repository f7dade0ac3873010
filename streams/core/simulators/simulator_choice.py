"""The choice of the simulator for an order: the account's, else the instrument's, else the configuration's."""

from streams.core.reference.declarations import SimulatorConfig
from streams.core.simulators.execution_config import ExecutionConfig
from streams.core.simulators.execution_simulator import ExecutionSimulator
from streams.core.simulators.mock_executor import MOCK, MockExecutor
from streams.core.simulators.model import ModelError
from streams.core.simulators.order_fees import OrderFees
from streams.core.simulators.simulator import Simulator

TOP_OF_BOOK = "top-of-book"


class Simulators:
    """All simulators of a configuration."""

    def __init__(self, config: ExecutionConfig) -> None:
        """Raises ModelError that names the simulator and what is wrong with it."""
        fees = OrderFees(config)
        self._by_name: dict[str, Simulator] = {MOCK: MockExecutor(config, fees)}
        for declared in (SimulatorConfig(name=TOP_OF_BOOK), *config.simulators):
            try:
                self._by_name[declared.name] = ExecutionSimulator(config, declared, fees)
            except ModelError as error:
                raise ModelError(f"simulator {declared.name}: {error}") from error
        default = config.simulator or (MOCK if config.mock_trading else TOP_OF_BOOK)
        self._default = self._named(default, "the setting SIMULATOR")
        self._by_symbol = {
            item.symbol: self._named(item.simulator, f"instrument {item.symbol}")
            for item in config.instruments
            if item.simulator
        }
        self._by_account = {
            item.account_id: self._named(item.simulator, f"account {item.account_id}") for item in config.accounts
        }

    def _named(self, name: str, who: str) -> Simulator:
        if name not in self._by_name:
            raise ModelError(f"{who}: unknown simulator {name!r}; known are {', '.join(self._by_name)}")
        return self._by_name[name]

    def of(self, account_id: str, symbol: str) -> Simulator:
        """Returns the simulator of an account's orders in a symbol."""
        found = self._by_account.get(account_id)
        return found or self._by_symbol.get(symbol, self._default)

    def latency_max_ns(self) -> int:
        """Returns the longest latency of a request under any of the simulators."""
        return max(simulator.latency_max_ns() for simulator in self._by_name.values())
