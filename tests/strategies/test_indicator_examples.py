"""The examples with indicators of a library and of plain numpy trade within bounds, and not while they warm up."""

from __future__ import annotations

from typing import Any

import pytest

from streams.tools.trial.trial_run import trial_run

SYMBOL = "ACME.SIM"
RSI: dict[str, Any] = {"strategy": "examples.rsi_reversal:RsiReversal", "symbol": SYMBOL}
RSI["parameters"] = {"period": 5, "bar_s": "0.5"}
BANDS: dict[str, Any] = {"strategy": "examples.zscore_bands:ZscoreBands", "symbol": SYMBOL}


@pytest.mark.parametrize("told", [RSI, BANDS], ids=["talipp", "numpy"])
def test_it_trades_and_is_never_short(told: dict[str, Any]) -> None:
    run = trial_run(told, seconds=30)
    assert run.fills > 1
    assert run.refusals == []
    assert 0 < run.largest[SYMBOL] <= 10
    assert run.positions[SYMBOL] >= 0


def test_the_first_order_comes_after_the_warm_up() -> None:
    run = trial_run(RSI, seconds=30)
    slower = trial_run(RSI | {"parameters": {"period": 40, "bar_s": "0.5"}}, seconds=30)
    first_ns = min(order.ts for order in run.orders)
    assert all(order.ts > first_ns + 10 * 10**9 for order in slower.orders)
