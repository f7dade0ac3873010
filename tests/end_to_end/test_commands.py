"""The command line end to end, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.settings import Settings
from streams.evidence.mock_notice import DRAWN, mock_is_default
from tests.end_to_end.processes import done, paper, running

ORDERS = """order_id,account_id,symbol,side,order_type,quantity,price,time_in_force
l-1,hand,ACME.SIM,BUY,LIMIT,1,1.00,GTC
l-2,hand,GLOBEX.SIM,BUY,MARKET,1,,DAY
"""
OPENING = (
    *("--account", "hand", "--cash", "100000", "--session", "by-hand"),
    *("--instrument", "ACME.SIM", "--instrument", "GLOBEX.SIM"),
)


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def rows(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]


def test_results_say_that_fills_are_mock(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings
    with running(settings, tmp_path, "worker"):
        done(settings, "session", "open", "--account", "hand")
        done(settings, "feed", "--synthetic", "--seconds", "10")
        assert "mock" not in paper(settings, "results").stderr, "nothing has filled"
        done(settings, "orders", "submit", "ACME.SIM", "BUY", "5", "--account", "hand")
        shown = paper(settings, "results", "--json")
    filled = [row for row in rows(shown.stdout) if row["last_qty"] is not None]
    assert f"{len(filled)} of {len(filled)} fills are mock: {DRAWN}\n" in shown.stderr
    assert mock_is_default(settings)
    assert not mock_is_default(settings.model_copy(update={"simulator": "realistic"}))
    assert not mock_is_default(settings.model_copy(update={"mock_trading": False}))


def test_a_session_by_hand(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        assert "opened" in done(settings, "session", "open", *OPENING)
        refused = paper(settings, "session", "open", "--account", "hand")
        assert (refused.returncode, "still open" in refused.stderr) == (1, True)
        fed = json.loads(done(settings, "feed", "--synthetic", "--seconds", "10", "--json"))
        assert fed["quotes"] > 0
        again = paper(settings, "feed", "--synthetic", "--seconds", "10")
        assert (again.returncode, "fed before" in again.stderr) == (0, True)
        other = paper(settings, "feed", "--synthetic", "--seconds", "11")
        assert (other.returncode, "TOPIC_PREFIX" in other.stderr) == (1, True)

        order = ("orders", "submit", "ACME.SIM", "BUY", "5", "--account", "hand", "--json")
        assert rows(done(settings, *order))[0]["exec_type"] == "NEW"
        limit = ("orders", "submit", "ACME.SIM", "BUY", "5", "--account", "hand", "--price", "1", "--order-id", "o-1")
        done(settings, *limit)
        done(settings, "orders", "replace", "o-1", "--account", "hand", "--price", "2")
        done(settings, "orders", "cancel", "o-1", "--account", "hand")
        assert "not working any more" in done(settings, "orders", "cancel", "o-1", "--account", "hand", code=1)
        assert "UNKNOWN_ACCOUNT" in done(settings, *order[:5], "--account", "nobody", "--json", code=1)

        file = tmp_path / "orders.csv"
        file.write_text(ORDERS)
        assert "2 requests sent" in done(settings, "orders", "load", str(file))
        file.write_text(ORDERS.replace("BUY,MARKET", "BUY,LIMIT"))
        bad = paper(settings, "orders", "load", str(file))
        assert (bad.returncode, "line 3" in bad.stderr, "price" in bad.stderr) == (1, True, True)

        assert "HALTED" in done(settings, "trading-state", "HALTED", "--account", "hand", "--reason", "lunch")
        assert "TRADING_HALTED" in done(settings, *order, code=1)
        assert "closed" in done(settings, "session", "close", "--account", "hand", "--reason", "evening")

        positions = {row["symbol"]: row["quantity"] for row in rows(done(settings, "positions", "--json"))}
        assert positions["ACME.SIM"] == "5"
        account = rows(done(settings, "account", "hand", "--json"))[0]
        assert account["trigger"] == "SESSION_CLOSE"
        results = rows(done(settings, "results", "--account", "hand", "--json"))
        assert {"o-1", "l-1", "l-2"} <= {row["order_id"] for row in results}
    with running(settings, tmp_path, "sink"):
        report = json.loads(done(settings, "reconcile", "--json"))
    assert report["passed"]
    listed = rows(done(settings, "session", "list", "--json"))[0]
    assert (listed["session_id"], listed["status"], listed["instruments"]) == (
        "by-hand",
        "CLOSED",
        "ACME.SIM,GLOBEX.SIM",
    )
    assert len(listed["settings_sha256"]) == 64
    assert json.loads(done(settings, "session", "rebuild", "by-hand", "--json"))["equal"]
    assert done(settings, "replay", "verify").endswith("all equal\n")


def test_wrong_command_lines_say_what_is_wrong(settings: Settings, tmp_path: Path) -> None:
    assert "one of them" in paper(settings, "feed").stderr
    missing = paper(settings, "feed", str(tmp_path / "none.csv"))
    assert (missing.returncode, "no such file" in missing.stderr) == (1, True)
    number = paper(settings, "session", "open", "--account", "a", "--cash", "much")
    assert (number.returncode, "--cash much" in number.stderr) == (2, True)
    order = paper(settings, "orders", "submit", "ACME.SIM", "BUY", "nan", "--account", "a")
    assert (order.returncode, "quantity" in order.stderr) == (1, True)


def test_a_follower_prints_results_as_they_come(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker"), running(settings, tmp_path, "results", "--follow") as follower:
        for number in range(200):
            order = ("orders", "submit", "ACME.SIM", "BUY", "1", "--account", "x", "--order-id", f"f-{number}")
            paper(settings, *order)
            if "UNKNOWN_ACCOUNT" in follower.log.read_text():
                return
    raise AssertionError("nothing was followed")
