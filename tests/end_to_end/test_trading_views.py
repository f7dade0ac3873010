"""A trader's views: working and recent orders, valued positions, results; and the names that find them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from infra.settings import Settings
from tests.end_to_end.processes import Background, done, paper, running, told

LOADED = """order_id,account_id,symbol,side,order_type,quantity,price,time_in_force
l-1,hand,ACME.SIM,BUY,LIMIT,1,1.00,GTC
l-2,hand,NIX.SIM,BUY,MARKET,1,,DAY
"""
BOUGHT = 5


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_trader_sees_orders_positions_and_results(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    with running(settings, tmp_path, "worker"):
        done(settings, "session", "open", "--account", "hand", "--cash", "100000", "--session", "by-hand")
        done(settings, "feed", "--synthetic", "--seconds", "10")
        with running(settings, tmp_path, "results", "--follow", "--account", "by-hand") as follower:
            _trade(settings, follower)
        _see_orders(settings)
        _see_positions(settings)
        _see_results(settings)
        _load(settings, tmp_path)
        assert "HALTED" in done(settings, "trading-state", "HALTED", "--account", "by-hand")
        halted = told(settings, "orders", "submit", "ACME.SIM", "BUY", "1", "--account", "by-hand", code=1)
        assert "`paper trading-state ACTIVE --account hand` ends the halt" in halted


def _trade(settings: Settings, follower: Background) -> None:
    """Buys for the session's account by the session's name, with the symbol in any case, and leaves a limit working."""
    # The follower begins at the topic's end: it has begun when it prints a first refusal.
    stray = ("orders", "submit", "ACME.SIM", "BUY", "0.5", "--account", "by-hand")
    while "MIN_QUANTITY" not in follower.log.read_text():
        assert "minimum 1" in told(settings, *stray, code=1)
    order = ("orders", "submit", "acme.sim", "buy", str(BOUGHT), "--account", "by-hand")
    sent = paper(settings, *order, "--order-id", "b-1")
    assert (sent.returncode, sent.stderr) == (0, "by-hand is the session of account hand\n"), sent.stdout
    done(settings, *order, "--order-id", "b-2", "--price", "1")
    follower.await_log(f"{BOUGHT} @ ")
    (filled,) = [line for line in follower.log.read_text().splitlines() if f"{BOUGHT} @ " in line]
    time, *others = filled.split("  ")
    assert (len(time.split("T")), others[:5]) == (2, ["hand", "b-1", "ACME.SIM", "BUY", "FILL"])


def _see_orders(settings: Settings) -> None:
    (working,) = rows(done(settings, "orders", "list", "by-hand", "--json"))
    shown = {name: working[name] for name in ("order_id", "symbol", "side", "type", "price", "filled", "status")}
    assert shown == {
        "order_id": "b-2",
        "symbol": "ACME.SIM",
        "side": "BUY",
        "type": "LIMIT",
        "price": "1",
        "filled": "0",
        "status": "NEW",
    }
    assert 0 <= working["age_s"] < 600
    recent = rows(done(settings, "orders", "list", "hand", "--recent", "2", "--json"))
    assert [(row["order_id"], row["status"], row["filled"]) for row in recent] == [
        ("b-1", "FILLED", str(BOUGHT)),
        ("b-2", "NEW", "0"),
    ]
    assert rows(done(settings, "orders", "list", "nobody", "--json")) == []
    table = done(settings, "orders", "list")
    assert ("b-2" in table, "b-1" in table) == (True, False)


def _see_positions(settings: Settings) -> None:
    (position,) = rows(done(settings, "positions", "--account", "by-hand", "--json"))
    mark, value, pnl = (Decimal(position[name]) for name in ("mark", "market_value", "unrealised_pnl"))
    assert value == BOUGHT * mark
    assert pnl == value - Decimal(position["cost"])
    assert rows(done(settings, "account", "by-hand", "--json"))[0]["account_id"] == "hand"
    assert f"{value:,.2f}" in done(settings, "positions")


def _see_results(settings: Settings) -> None:
    table = done(settings, "results", "--account", "hand")
    filled = next(line for line in table.splitlines() if " FILL " in line)
    assert {"b-1", "ACME.SIM", "BUY", str(BOUGHT)} <= set(filled.split())
    assert filled.split()[0].endswith("Z"), "the time in ISO form"
    assert "1970" not in table


def _load(settings: Settings, folder: Path) -> None:
    file = folder / "orders.csv"
    file.write_text(LOADED)
    loaded = told(settings, "orders", "load", str(file), code=1)
    assert "2 requests sent" in loaded
    assert "1 NEW" in loaded
    assert "1 REJECTED" in loaded
    assert "UNKNOWN_INSTRUMENT" in loaded
    assert "`paper instruments list` shows the instruments" in loaded
