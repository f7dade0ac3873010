"""A pipeline and its client, for tests that break something under them."""

import pytest

from infra.settings import Settings
from tests.end_to_end.desk import Desk


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    """Settings with the simulator that crosses the spread, without random failures or latency."""
    return pipeline_settings.model_copy(update={"mock_trading": False})


@pytest.fixture
def desk(settings: Settings) -> Desk:
    """A client of the pipeline."""
    return Desk(settings)
