"""Which simulator a configuration asks for."""

from streams.domain.config import CoreConfig
from streams.execution.execution_simulator import ExecutionSimulator
from streams.execution.mock import MockExecutor
from streams.execution.simulator import Simulator


def simulator_for(config: CoreConfig) -> Simulator:
    """MockExecutor where mock_trading is set (the default), else ExecutionSimulator."""
    return MockExecutor(config) if config.mock_trading else ExecutionSimulator(config)
