"""A loss stays a loss when its account is opened again under the same name or another: metrics, report, gate."""

from __future__ import annotations

import json
import math
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.clickhouse.client import connect
from infra.settings import REPOSITORY, Settings
from schemas.records.enums import ControlKind, Side, TradingLevel
from schemas.records.messages import Control
from streams.evidence.cut import Cut
from streams.evidence.gate.criteria import read_criteria
from streams.evidence.gate.decision import Verdict, decide
from streams.evidence.gate.gather_evidence import gather_evidence
from streams.pipeline.clients.follow import Follower
from tests import builders
from tests.end_to_end.desk import AWAIT_S, SYMBOL, Desk, immediate
from tests.end_to_end.processes import paper, running
from tests.evidence.gate.sessions import AS_OF_NS, COMMIT, insert_session
from tests.evidence.sessions.recompute import RawTopics, recompute

STRATEGY, ACCOUNT, CASH = "st", "R", "100000"
NO_LIMITS = "version = 1\n[limits]\n"
FEE = Decimal("0.005")
LOSS = -1000 * (Decimal("20.02") + 2 * FEE)
GAIN = 100 * (Decimal("0.98") - 2 * FEE)


class Client(Desk):
    """A client that waits until the venue has taken a quote."""

    second = 0

    def move(self, bid: str, ask: str) -> None:
        """Sends a quote a minute later."""
        self.second += 60
        with Follower(self.settings, self.codec, ["marks"]) as marks:
            at = builders.START + self.second * builders.SECOND
            self.send("market.data", SYMBOL, builders.quote(bid, ask, "5000", "5000", at=at, symbol=SYMBOL))
            self.flush()
            self.until(marks, lambda mark: mark.symbol == SYMBOL and mark.bid_px == builders.px(bid), 1)

    def command(self, control: Control) -> None:
        """Sends a control and waits for its answer."""
        with Follower(self.settings, self.codec, ["risk.events"]) as events:
            self.send("controls", ACCOUNT, control)
            self.flush()
            self.until(events, lambda event: event.control_id == control.control_id, 1)

    def open(self, name: str, number: int) -> None:
        """Opens a session with the same cash each time."""
        opening = builders.opening(ACCOUNT, CASH, name, strategy_id=STRATEGY)
        self.command(opening._replace(control_id=f"open-{number}"))

    def round_trip(self, number: int, quantity: str, bought: tuple[str, str], sold: tuple[str, str]) -> None:
        """Buys at the ask of one quote and sells at the bid of another."""
        for side, (bid, ask) in ((Side.BUY, bought), (Side.SELL, sold)):
            self.move(bid, ask)
            order = immediate(f"{side}-{number}", ACCOUNT, price=ask if side is Side.BUY else bid)
            (result,) = self.trade([order._replace(side=side, quantity=builders.px(quantity), strategy_id=None)])
            assert result.cum_qty == builders.px(quantity), result.text


@pytest.mark.parametrize("again", ["first", "second"], ids=["same name", "other name"])
def test_a_day_that_lost_20000_never_vanishes(pipeline_settings: Settings, tmp_path: Path, again: str) -> None:
    (tmp_path / "limits.toml").write_text(NO_LIMITS)
    changes = {"mock_trading": False, "limits_file": tmp_path / "limits.toml"}
    settings = pipeline_settings.model_copy(update=changes)
    desk = Client(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        desk.open("first", 1)
        desk.round_trip(1, "1000", ("50.00", "50.02"), ("30.00", "30.02"))
        desk.command(builders.control(ControlKind.SESSION_CLOSE, ACCOUNT, "close"))
        desk.open(again, 2)
        desk.round_trip(2, "100", ("30.00", "30.02"), ("31.00", "31.02"))
        _await_equity(settings, len(desk.read("account.equity")))
    day = (1 + LOSS / 100_000) * (1 + GAIN / 100_000) - 1
    assert math.isclose(_from_records(settings), day, rel_tol=1e-12)
    for scope in (("--account", ACCOUNT), ("--strategy", STRATEGY)):
        shown = _metrics(settings, *scope)
        assert Decimal(shown["net_pnl"]) == LOSS + GAIN
        assert Decimal(shown["net_cash_flow"]) == -LOSS, "what the second opening brought to 100,000 again"
        for name in ("total_return", "worst_day", "max_drawdown"):
            assert math.isclose(shown[name], day, rel_tol=1e-9), name
    _check_sessions(settings, again, day)
    flows = [json.loads(line) for line in _lines(settings, "session", "flows", "--account", ACCOUNT, "--json")]
    assert [(row["session_id"], row["reason"], Decimal(row["amount"])) for row in flows] == [
        ("first", "DEPOSIT", 100_000),
        ("first", "WITHDRAWAL", -100_000 - LOSS),
        (again, "DEPOSIT", 100_000),
    ]
    verdict = _judged(settings)
    assert verdict.level is TradingLevel.PAPER_ONLY
    assert {"daily_loss", "max_drawdown"} <= set(verdict.failed(TradingLevel.LIMITED_LIVE))


def _await_equity(settings: Settings, records: int) -> None:
    deadline = time.monotonic() + AWAIT_S
    with closing(connect(settings)) as client:
        while client.query("SELECT count() FROM account_equity").result_rows[0][0] < records:
            assert time.monotonic() < deadline, "equity did not land"


def _from_records(settings: Settings) -> Decimal:
    """Returns the return of the only day, from the raw records alone."""
    topics = RawTopics(settings.kafka_bootstrap_servers, settings.schema_registry_url, settings.topic_prefix)
    sessions, quoted = recompute(topics)
    returns = [value for numbers in sessions.values() for value in numbers.returns(quoted).values()]
    return math.prod((1 + value for value in returns), start=Decimal(1)) - 1


def _metrics(settings: Settings, *scope: str) -> dict[str, Any]:
    shown = paper(settings, "metrics", "show", "--json", *scope)
    assert shown.returncode == 0, shown.stderr
    return {row["name"]: row["value"] for row in map(json.loads, shown.stdout.splitlines())}


def _check_sessions(settings: Settings, again: str, day: Decimal) -> None:
    """Checks that list and page say of a session what its metrics say."""
    listed = {row["session_id"]: row for row in map(json.loads, _lines(settings, "session", "list", "--json"))}
    assert set(listed) == {"first", again}
    for name, row in listed.items():
        shown = _metrics(settings, "--session", name)
        assert (row["net_pnl"], row["fills"]) == (shown["net_pnl"], shown["fills"])
        assert math.isclose(row["return"], shown["total_return"], rel_tol=1e-9)
    if again == "first":
        assert math.isclose(listed["first"]["return"], day, rel_tol=1e-9)
    printed = "\n".join(_lines(settings, "session", "report", "first"))
    assert f"return {100 * listed['first']['return']:.3f} %" in printed


def _lines(settings: Settings, *arguments: str) -> list[str]:
    done = paper(settings, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _judged(settings: Settings) -> Verdict:
    """Returns the gate's verdict on the strategy, which has been steady for 120 days in another account."""
    criteria = read_criteria(REPOSITORY / "infra/reference/gate.toml").criteria
    with closing(connect(settings)) as client:
        insert_session(client, settings.run_id, fills_a_day=6, profit="500")
        return decide(gather_evidence(client, Cut(settings.run_id, {}), STRATEGY, criteria, AS_OF_NS, COMMIT), criteria)
