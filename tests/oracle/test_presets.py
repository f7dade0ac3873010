"""Presets against the published numbers of the firms, to the cent: which equity trips a rule, and which does not.

Sources: infra/reference/presets.toml names them. FTMO's own examples are of 100,000. On the 1-Step the maximum loss
limit is 90,000, then 94,000 after a midnight balance of 104,000, and stays there after 103,000. On the 2-Step the
daily limit is the balance at midnight less 5,000. Apex's own example is of 50,000: threshold 47,500, 48,000 after a
balance of 50,500, 48,375 after a live balance of 50,875, and 50,100 at last.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from streams.core.risk.breakers.breaker_set import BreakerSet
from streams.core.risk.limits import RiskLimits
from streams.pipeline.reference.presets import preset_patch, presets
from tests.builders import SECOND, money

Step = tuple[str, str, str]
"""Local time of 2026, balance, equity."""
ZONES = {"plain-desk": "America/New_York"}


def first_trip(preset: str, cash: str, steps: list[Step]) -> tuple[int, str] | None:
    """Returns which step trips the preset and the end of the breaker's name; restores the breakers after each step."""
    limits = RiskLimits().patched(preset_patch(preset))
    breakers = BreakerSet(money(cash))
    breakers.configure(limits.breakers)
    zone = ZoneInfo(ZONES.get(preset, "Europe/Prague"))
    for number, (local, balance, equity) in enumerate(steps):
        now = int(datetime.fromisoformat(f"2026-{local}").replace(tzinfo=zone).timestamp()) * SECOND
        told = breakers.on_equity(now, money(balance), money(equity))
        if told:
            return number, told[0].breaker.name.removeprefix(f"{preset}-")
        breakers = BreakerSet.from_state(money(cash), json.loads(json.dumps(breakers.to_state())))
    return None


DAY_1, EVE_1, DAY_2, EVE_2, DAY_3 = (
    "06-10T09:00:00",
    "06-10T23:59:59",
    "06-11T00:00:00",
    "06-11T23:59:59",
    "06-12T00:00:00",
)
START = (DAY_1, "100000", "100000")
WON_4000 = (EVE_1, "104000", "104000")
SMALL_LOSS = (EVE_2, "103000", "103000")

FTMO_1_STEP: list[tuple[list[Step], Any]] = [
    ([START, (DAY_1, "100000", "97000")], None),
    ([START, (DAY_1, "100000", "96999.99")], (1, "daily-loss")),
    ([WON_4000, (DAY_2, "104000", "101000")], None),
    ([WON_4000, (DAY_2, "104000", "100999.99")], (1, "daily-loss")),
    ([START, (EVE_1, "95000", "97000"), (DAY_2, "95000", "92000")], None),
    ([START, (EVE_1, "95000", "97000"), (DAY_2, "95000", "91999.99")], (2, "daily-loss")),
    ([START, (EVE_1, "92000", "97000"), (DAY_2, "92000", "90000")], None),
    ([START, (EVE_1, "92000", "97000"), (DAY_2, "92000", "89999.99")], (2, "max-loss")),
    ([WON_4000, SMALL_LOSS, (DAY_3, "96500", "94000")], (2, "daily-loss")),
    ([WON_4000, (EVE_2, "96500", "101000"), (DAY_3, "96500", "94000")], None),
    ([WON_4000, (EVE_2, "96500", "101000"), (DAY_3, "96500", "93999.99")], (2, "max-loss")),
    ([START, (EVE_1, "100000", "140000"), (DAY_2, "100000", "97000")], None),
]
FTMO_2_STEP: list[tuple[list[Step], Any]] = [
    ([START, (DAY_1, "100000", "95000")], None),
    ([START, (DAY_1, "100000", "94999.99")], (1, "daily-loss")),
    ([WON_4000, (DAY_2, "104000", "99000")], None),
    ([WON_4000, (DAY_2, "104000", "98999.99")], (1, "daily-loss")),
    ([WON_4000, SMALL_LOSS, (DAY_3, "103000", "98000")], None),
    ([WON_4000, SMALL_LOSS, (DAY_3, "103000", "97999.99")], (2, "daily-loss")),
    ([WON_4000, (EVE_1, "104000", "91000")], (1, "daily-loss")),
    ([START, (EVE_1, "92000", "95000"), (DAY_2, "92000", "90000")], None),
    ([START, (EVE_1, "92000", "95000"), (DAY_2, "92000", "89999")], (2, "max-loss")),
    ([(DAY_1, "150000", "150000"), (EVE_1, "92000", "95000"), (DAY_2, "92000", "90000")], None),
]
APEX_50K: list[tuple[list[Step], Any]] = [
    ([(DAY_1, "50000", "47500")], None),
    ([(DAY_1, "50000", "47499.99")], (0, "trailing")),
    ([(DAY_1, "50500", "50500"), (DAY_1, "50500", "48000")], None),
    ([(DAY_1, "50500", "50500"), (DAY_1, "50500", "47999.99")], (1, "trailing")),
    ([(DAY_1, "50500", "50875"), (DAY_2, "50100", "48375")], None),
    ([(DAY_1, "50500", "50875"), (DAY_2, "50100", "48374.99")], (1, "trailing")),
    ([(DAY_1, "50000", "52600"), (DAY_2, "50000", "50100")], None),
    ([(DAY_1, "50000", "52600"), (DAY_2, "50000", "50099.99")], (1, "trailing")),
    ([(DAY_1, "50000", "70000"), (DAY_2, "70000", "50100")], None),
    ([(DAY_1, "50000", "70000"), (DAY_2, "70000", "50099.99")], (1, "trailing")),
]
PLAIN_DESK: list[tuple[list[Step], Any]] = [
    ([START, (DAY_1, "100000", "98000.01")], None),
    ([START, (DAY_1, "100000", "98000")], (1, "daily-loss")),
    ([START, (EVE_1, "100000", "103000"), (DAY_2, "100000", "100940.01")], None),
    ([START, (EVE_1, "100000", "103000"), (DAY_2, "100000", "100940")], (2, "daily-loss")),
    ([(DAY_1, "100000", "110000"), (EVE_1, "100000", "99000.01"), (DAY_2, "100000", "99000.01")], None),
    ([(DAY_1, "100000", "110000"), (EVE_1, "100000", "99000.01"), (DAY_2, "100000", "99000")], (2, "drawdown")),
]
TABLES = {
    "ftmo-1-step": ("100000", FTMO_1_STEP),
    "ftmo-2-step": ("100000", FTMO_2_STEP),
    "apex-50k": ("50000", APEX_50K),
    "plain-desk": ("100000", PLAIN_DESK),
}
CASES = [(name, cash, steps, trips) for name, (cash, table) in TABLES.items() for steps, trips in table]


def test_every_preset_has_a_table() -> None:
    assert list(TABLES) == list(presets())


@pytest.mark.parametrize(("preset", "cash", "steps", "trips"), CASES)
def test_the_published_equity_trips_it_and_a_cent_more_does_not(
    preset: str, cash: str, steps: list[Step], trips: tuple[int, str] | None
) -> None:
    assert first_trip(preset, cash, steps) == trips
