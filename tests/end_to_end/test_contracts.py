"""Contracts of 50 units through a real pipeline: booked, funded, settled, reconciled by both checkers and replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.settings import Settings
from schemas.records.enums import Side, TimeInForce
from schemas.records.messages import Fill
from schemas.records.numbers import PRICE_SCALE
from tests.builders import SECOND, START, money, new, px
from tests.end_to_end.desk import SYMBOL, Desk
from tests.end_to_end.processes import paper, running

MONEY_CHECKS = (
    "cash = opening cash + cash flows - fees",
    "payments = position * price * rate",
    "settlements close positions at their price",
)
EXPIRES_AT = "2023-11-14T22:13:30Z"
"""Ten seconds after START."""


def test_money_of_contracts_agrees_everywhere(pipeline_settings: Settings, tmp_path: Path) -> None:
    """Two contracts at 50.02 cost 5002, are worth 5000 at the bid of 50, pay 0.01 % of 5000; one is settled at 51."""
    reference, funding, settled = (tmp_path / name for name in ("instruments.toml", "funding.csv", "settlement.csv"))
    known = pipeline_settings.reference_data.read_text()
    listed = f'symbol = "{SYMBOL}"\n'
    assert listed in known
    reference.write_text(known.replace(listed, listed + f'contract_multiplier = "50"\nexpires_at = {EXPIRES_AT}\n'))
    settings = pipeline_settings.model_copy(update={"mock_trading": False, "reference_data": reference})
    funding.write_text(f"ts_ns,symbol,rate,mark_px\n{START + 2 * SECOND},{SYMBOL},0.0001,50\n")
    settled.write_text(f"ts_ns,symbol,settlement_px\n{START + 10 * SECOND},{SYMBOL},51\n")
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        desk.open_account("A")
        desk.quote(0)
        early: dict[str, Any] = {"tif": TimeInForce.IOC, "symbol": SYMBOL, "ts": START - SECOND}
        desk.trade([new("in", Side.BUY, "2", "50.02", **early)])
        fed = paper(settings, "feed", str(funding))
        assert fed.returncode == 0, fed.stdout + fed.stderr
        desk.quote(3)
        desk.trade([new("out", Side.SELL, "1", "50.00", **early)])
        fed = paper(settings, "feed", str(settled))
        assert fed.returncode == 0, fed.stdout + fed.stderr
        report = paper(settings, "reconcile", "--json", "--wait", "60")
        assert report.returncode == 0, report.stdout + report.stderr
    checked = {check["name"]: check["checked"] for check in json.loads(report.stdout)["checks"]}
    assert all(checked[name] for name in MONEY_CHECKS)
    bought, sold, closed = desk.read("fills")
    assert isinstance(bought, Fill)
    assert (bought.notional, bought.contract_multiplier) == (money("5002"), 50 * PRICE_SCALE)
    assert sold.position_avg_px == px("50.02")
    assert sold.realised_pnl + sold.commission == money("-1")
    assert (closed.quantity, closed.price, closed.realised_pnl) == (px("1"), px("51"), money("49")), "0.98 * 50"
    newest = desk.read("account.equity")[-1]
    assert (newest.funding, newest.position_value) == (money("-0.5"), 0)
    verified = paper(settings, "replay", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    session = paper(settings, "session", "show", "session-1", "--account", "A", "--json")
    assert session.returncode == 0, session.stdout + session.stderr
    shown = json.loads(session.stdout)
    assert (shown["unrealised_pnl"], shown["fills"]) == ("0", 3)
