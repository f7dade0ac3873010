"""Simulators of a demonstration's accounts: realistic ones beside one mock session, unless the settings choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.settings import REPOSITORY, Settings
from streams.core.simulators.simulator_choice import Simulators
from streams.pipeline.reference.load_config import core_config
from streams.tools.demo.traders import Trader
from streams.tools.demo.two_simulators import beside_mock
from tests.builders import instrument

TRADERS = [Trader(f"{name}:ABC", name, instrument("ABC"), 1, 1, 1) for name in ("market-maker", "momentum")]
REFERENCE = (REPOSITORY / "infra/reference/instruments.toml").read_text()


def own(tmp_path: Path, text: str, **changes: Any) -> Settings:
    path = tmp_path / "reference.toml"
    path.write_text(text)
    return Settings(_env_file=None, reference_data=path, **changes)


@pytest.mark.parametrize(("text", "simulator"), [(REFERENCE, "realistic"), ("", "top-of-book")])
def test_one_example_trades_also_on_the_mock_executor_under_a_strategy_of_its_own(
    tmp_path: Path, text: str, simulator: str
) -> None:
    """Tries also reference data that define no realistic simulator."""
    settings = own(tmp_path, text)
    traders = beside_mock(settings, TRADERS)
    simulators = Simulators(core_config(settings))
    found = [(item.account_id, item.strategy_id, simulators.of(item.account_id, "ABC").name) for item in traders]
    assert found == [
        ("market-maker:ABC", "market-maker", simulator),
        ("momentum:ABC", "momentum", simulator),
        ("market-maker:ABC:mock", "market-maker-mock", "mock"),
    ]


@pytest.mark.parametrize("changes", [{"mock_trading": False}, {"simulator": "realistic"}, {"simulator": "mock"}])
def test_a_simulator_that_the_settings_choose_is_everybodys(tmp_path: Path, changes: dict[str, Any]) -> None:
    settings = own(tmp_path, REFERENCE, **changes)
    assert beside_mock(settings, TRADERS) == TRADERS
    assert settings.reference_data.read_text() == REFERENCE
