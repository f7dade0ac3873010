"""Lets the sessions of a demonstration trade on the realistic simulator, and one of them also on the mock executor."""

import json
from dataclasses import replace

from infra.settings import Settings
from streams.core.simulators.mock_executor import MOCK
from streams.core.simulators.simulator_choice import TOP_OF_BOOK
from streams.pipeline.reference.load_config import core_config
from streams.tools.demo.traders import Trader

REALISTIC = "realistic"


def beside_mock(settings: Settings, traders: list[Trader]) -> list[Trader]:
    """Returns the traders on the realistic simulator, and the first of them once more on the mock executor.

    The accounts' simulators are added to the file of reference data, which must be the demonstration's own. If the
    settings choose another simulator than the default one, all trade on that.
    """
    if settings.simulator or not settings.mock_trading or not traders:
        return traders
    known = {item.name for item in core_config(settings).simulators}
    simulator = REALISTIC if REALISTIC in known else TOP_OF_BOOK
    twin = replace(traders[0], account_id=f"{traders[0].account_id}:{MOCK}", simulator=MOCK)
    chosen = [*(replace(trader, simulator=simulator) for trader in traders), twin]
    with settings.reference_data.open("a") as file:
        for trader in chosen:
            account = json.dumps(trader.account_id)
            file.write(f'\n[[account]]\naccount_id = {account}\nsimulator = "{trader.simulator}"\n')
    return chosen
