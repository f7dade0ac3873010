"""The part of the configuration that simulators read, so that they depend on no risk limits."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from streams.core.reference.declarations import AccountConfig, InstrumentConfig, MockConfig, SimulatorConfig


class ExecutionConfig(Protocol):
    """The configuration of simulators; streams.core.core_config.CoreConfig provides it and documents the fields."""

    @property
    def run_seed(self) -> int: ...

    @property
    def mock_trading(self) -> bool: ...

    @property
    def mock(self) -> MockConfig: ...

    @property
    def simulator(self) -> str: ...

    @property
    def simulators(self) -> Sequence[SimulatorConfig]: ...

    @property
    def accounts(self) -> Sequence[AccountConfig]: ...

    @property
    def instruments(self) -> Sequence[InstrumentConfig]: ...

    @property
    def liquidity_runs_out(self) -> bool: ...

    @property
    def minor_units(self) -> Mapping[str, int]: ...
