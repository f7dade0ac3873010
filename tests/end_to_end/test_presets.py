"""A preset end to end, as a person uses it: the floor locks and stops orders, through a kill and a reopening."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from tests.builders import START
from tests.end_to_end.processes import running, told

SECOND = 1_000_000_000
BUY = ("orders", "submit", "ACME.SIM", "BUY", "1", "--account", "apex")
DEADLINE_S = 120
POLL_S = 0.3
WHY = "equity 50099.99 is below the floor 50100, where it locks, after the peak 52600; no order passes until"


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def feed(settings: Settings, folder: Path, second: int, price: str) -> None:
    """Feeds a quote of ACME.SIM at a second of market time, bid and ask at the price."""
    file = folder / f"quotes-{second}.csv"
    row = f"{START + second * SECOND},ACME.SIM,{price},100,{price},100"
    file.write_text(f"ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz\n{row}\n")
    told(settings, "feed", str(file))


def status_at(settings: Settings, equity: str) -> dict[str, Any]:
    """Returns the account's row when its equity has come to a value and no order works."""
    until, row = time.monotonic() + DEADLINE_S, dict[str, Any]()
    while (row.get("equity"), row.get("working")) != (equity, 0):
        assert time.monotonic() < until, f"equity {equity} without working orders did not come: {row}"
        time.sleep(POLL_S)
        row = json.loads(told(settings, "risk", "status", "--account", "apex", "--json"))
    return row


def test_the_floor_of_apex_locks_and_stops_the_account_until_a_person_resets_it(
    settings: Settings, tmp_path: Path
) -> None:
    opens = ("session", "open", "--account", "apex", "--limit", "preset=apex-50k")
    with running(settings, tmp_path, "worker") as worker:
        assert "50,100" in told(settings, "risk", "presets")
        told(settings, *opens, "--cash", "50000")
        feed(settings, tmp_path, 0, "10000.00")
        assert "FILL" in told(settings, *BUY)
        feed(settings, tmp_path, 10, "12600.00")
        assert status_at(settings, "52600")["state"] == "ACTIVE"
        worker.kill()
    with running(settings, tmp_path, "worker") as worker:
        feed(settings, tmp_path, 20, "10100.00")
        assert status_at(settings, "50100")["state"] == "ACTIVE"
        shown = told(settings, "risk", "breakers", "show", "--account", "apex", "--json").splitlines()
        floors = {row["breaker"]: row["floor"] for row in map(json.loads, shown)}
        assert (floors["apex-50k-trailing"], floors["errors"]) == ("50100", None)
        feed(settings, tmp_path, 30, "10099.99")
        feed(settings, tmp_path, 31, "10099.99")  # The closing order arrives behind the quote that opened the breaker.
        stopped = status_at(settings, "50099.99")
        assert (stopped["state"], stopped["breakers"]) == ("HALTED", "apex-50k-trailing OPEN")
        worker.kill()
    with running(settings, tmp_path, "worker"):
        assert WHY in told(settings, *BUY, code=1)
        told(settings, "session", "close", "--account", "apex")
        told(settings, *opens, "--cash", "50099.99")
        assert WHY in told(settings, *BUY, code=1)
        reset = ("risk", "breakers", "reset", "apex-50k-trailing", "--account", "apex", "--reason", "new account")
        assert "is CLOSED, was OPEN" in told(settings, *reset)
        assert "FILL" in told(settings, *BUY)
