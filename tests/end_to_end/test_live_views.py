"""The views that a trader watches: live quotes, the desk in a terminal; and how tables fit a narrow one."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from decimal import Decimal
from pathlib import Path

import pytest
from textual.widgets import DataTable

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.cli.cell_text import amount_text
from streams.cli.desk_rows import desk_rows
from streams.cli.top_view import TopView
from streams.pipeline.reference.load_config import core_config
from streams.serve.desk_view import DeskView
from streams.serve.position_value import PositionValues
from tests.end_to_end.processes import done, running
from tests.end_to_end.terminals import COLUMNS, terminal, too_wide

BOUGHT = 5
AT_ONCE_S = 5.0
"""Longest time from Ctrl-C to the end, on a machine with other work."""
TABLES = (
    ("orders", "list", "--recent", "5"),
    ("results",),
    ("positions",),
    ("account",),
    ("instruments", "list"),
    ("parts", "list"),
    ("risk", "status"),
    ("risk", "presets"),
    ("risk", "breakers", "show", "--account", "hand"),
    ("dlq", "list"),
    ("shard", "list"),
    ("snapshots", "list"),
    ("strategy", "list"),
)


def test_a_trader_watches_the_market_and_the_desk(
    pipeline_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    with running(settings, tmp_path, "worker"):
        done(settings, "session", "open", "--account", "hand", "--cash", "100000")
        _watch_quotes(settings, tmp_path)
        order = ("orders", "submit", "ACME.SIM", "BUY", str(BOUGHT), "--account", "hand")
        done(settings, *order, "--order-id", "b-1")
        done(settings, *order, "--order-id", "b-2", "--price", "1")
        asyncio.run(_see_desk(settings))
        _see_terminal(settings)
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(COLUMNS))
        for command in TABLES:
            shown = done(settings, *command)
            assert shown, command
            assert too_wide(shown) == [], command


def _watch_quotes(settings: Settings, folder: Path) -> None:
    with (
        running(settings, folder, "quotes", "acme.sim", "--json") as quotes,
        running(settings, folder, "feed", "--synthetic", "--seconds", "40", "--speed", "10") as feed,
    ):
        quotes.await_log('"symbol": "ACME.SIM"')
        assert feed.process.wait(60) == 0
        begun = time.monotonic()
        quotes.process.send_signal(signal.SIGINT)
        assert quotes.process.wait(AT_ONCE_S) == 130
        assert time.monotonic() - begun < AT_ONCE_S
    assert json.loads(done(settings, "quotes", "ACME.SIM", "--once", "--json"))["symbol"] == "ACME.SIM"
    rows = [json.loads(line) for line in quotes.log.read_text().splitlines()]
    assert len(rows) >= 2
    assert {row["symbol"] for row in rows} == {"ACME.SIM"}
    assert [row["ts"] for row in rows] == sorted(row["ts"] for row in rows)
    assert all(Decimal(row["spread"]) == Decimal(row["ask_px"]) - Decimal(row["bid_px"]) for row in rows)


async def _see_desk(settings: Settings) -> None:
    view = DeskView(settings, Codec(Registry(settings)), PositionValues(core_config(settings)))
    view.start()
    try:
        async with TopView(lambda: desk_rows(view)).run_test(size=(COLUMNS, 50)) as pilot:
            tables = {
                name: [[str(value) for value in table.get_row_at(number)] for number in range(table.row_count)]
                for name in ("accounts", "positions", "orders", "tape")
                for table in [pilot.app.query_one(f"#{name}", DataTable)]
            }
            await pilot.press("q")
    finally:
        view.stop()
    ((account, state, currency, equity, day_pnl, drawdown, breakers),) = tables["accounts"]
    assert (account, state, currency, breakers) == ("hand", "ACTIVE", "USD", "closed")
    told = json.loads(done(settings, "account", "hand", "--json"))
    assert equity == amount_text(Decimal(told["equity"]))
    assert day_pnl == amount_text(Decimal(told["equity"]) - 100_000)
    assert drawdown == amount_text(Decimal(told["drawdown"]))
    (position,) = tables["positions"]
    known = json.loads(done(settings, "positions", "--json"))
    assert position[:3] == ["hand", "ACME.SIM", str(BOUGHT)]
    assert Decimal(position[4]) == Decimal(known["mark"])
    assert tables["orders"] == [["hand", "b-2", "ACME.SIM", "BUY", str(BOUGHT), "1", "0", "NEW"]]
    (fill,) = tables["tape"]
    assert (fill[0][-1], fill[1:5]) == ("Z", ["hand", "ACME.SIM", "BUY", str(BOUGHT)])


def _see_terminal(settings: Settings) -> None:
    with terminal(settings, "top") as top, terminal(settings, "quotes", "ACME.SIM") as quotes:
        top.await_text("b-2")
        top.press("q")
        assert top.ended() == 0
        quotes.await_text("bid_px")
        assert quotes.interrupt() == 130
        assert "Traceback" not in quotes.shown + top.shown
