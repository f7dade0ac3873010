"""A funding and a dividend from files through a real pipeline: booked, stored, reconciled, replayed and reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import OrderRequest
from tests.builders import SECOND, START, money, new
from tests.end_to_end.desk import SYMBOL, Desk
from tests.end_to_end.processes import paper, running


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def at_once(order_id: str, side: Side, quantity: str, price: str, account: str = "A") -> OrderRequest:
    """Returns an IOC order whose ts is so early that it arrives at once."""
    ts = START - SECOND
    return new(order_id, side, quantity, price, tif=TimeInForce.IOC, symbol=SYMBOL, account=account, ts=ts)


def answer(settings: Settings, *words: str) -> Any:
    done = paper(settings, *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_payments_reach_every_table(settings: Settings, tmp_path: Path) -> None:
    """0.01 % of 100 at 50 are 0.50, and a dividend of 0.24 on 100 is 24; the short of 40 gets 0.20 and pays 9.60."""
    funding, dividends = tmp_path / "funding.csv", tmp_path / "dividends.csv"
    funding.write_text(f"ts_ns,symbol,rate,mark_px\n{START + 2 * SECOND},{SYMBOL},0.0001,50\n")
    dividends.write_text(f"ts_ns,symbol,dividend\n{START + 3 * SECOND},{SYMBOL},0.24\n")
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        desk.open_account("A")
        desk.open_account("B")
        desk.quote(0)
        desk.trade([at_once("long", Side.BUY, "100", "50.02")])
        desk.trade([at_once("short", Side.SELL, "40", "50.00", account="B")])
        for path in (funding, dividends):
            fed = paper(settings, "feed", str(path))
            assert fed.returncode == 0, fed.stdout + fed.stderr
        desk.quote(4)
        desk.trade([at_once("last", Side.BUY, "1", "50.02")])
        report = paper(settings, "reconcile", "--json", "--wait", "60")
        assert report.returncode == 0, report.stdout + report.stderr
    checks = {check["name"]: check for check in json.loads(report.stdout)["checks"]}
    assert checks["payments = position * price * rate"]["checked"] == 4
    newest = {record.account_id: record for record in desk.read("account.equity")}
    assert (newest["A"].funding, newest["A"].dividends) == (money("-0.5"), money("24"))
    assert (newest["B"].funding, newest["B"].dividends) == (money("0.2"), money("-9.6"))
    verified = paper(settings, "replay", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    session = answer(settings, "session", "show", "session-1", "--account", "A")
    assert (session["funding"], session["dividends"]) == ("-0.5", "24")
