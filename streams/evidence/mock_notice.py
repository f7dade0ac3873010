"""The one line by which commands and reports say that fills are mock."""

from infra.settings import Settings
from streams.core.simulators.mock_executor import MOCK

DRAWN = "drawn from a seed, and no evidence for the gate. SIMULATOR=realistic trades against the market."


def mock_is_default(settings: Settings) -> bool:
    """Returns whether orders go to the MockExecutor unless their account or instrument names a simulator."""
    return settings.simulator == MOCK or (settings.mock_trading and not settings.simulator)


def mock_setting_notice() -> str:
    """Returns the line for a pipeline whose default is the MockExecutor."""
    return f"Fills are mock (MOCK_TRADING=true): {DRAWN}"


def mock_notice(mock_fills: int, fills: int) -> str | None:
    """Returns the line for so many mock fills of all; None if none is mock."""
    if not mock_fills:
        return None
    return f"{mock_fills:,} of {fills:,} fills are mock: {DRAWN}"
