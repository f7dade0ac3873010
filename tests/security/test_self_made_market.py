"""The cheat with a market of his own: 66 days of it pass in seconds, and his strategy knows the prices."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.enums import RiskEventKind, Side
from schemas.records.numbers import NANOS_PER_DAY
from streams.pipeline.clients.follow import Follower
from tests import builders
from tests.end_to_end.desk import AWAIT_S, SYMBOL, Desk, immediate
from tests.end_to_end.processes import done, paper, running

STRATEGY, ACCOUNT = "cheat", "c"
DAYS, QUARTER_NS = 66, 900 * builders.SECOND
NO_LIMITS = "version = 1\n[limits]\n"
ABOUT_MARKETS = {"market_source", "forward_days", "forward_psr"}
ABOUT_TRADING = {
    *("days", "fills", "mock_fills", "regimes", "psr", "dsr", "max_drawdown", "daily_loss", "best_day_share"),
    *("profit_factor", "reject_rate", "error_rate", "breaker_trips", "open_breakers", "market_gaps", "stale_share"),
    *("dead_letters", "track_record_length", "stress_costs"),
}


def test_a_market_of_the_cheats_own_counts_for_nothing(pipeline_settings: Settings, tmp_path: Path) -> None:
    """The records meet every criterion about trading. Those about the market keep the strategy on paper."""
    (tmp_path / "limits.toml").write_text(NO_LIMITS)
    changes = {"mock_trading": False, "limits_file": tmp_path / "limits.toml"}
    settings = pipeline_settings.model_copy(update=changes)
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker") as worker:
        worker.await_log("Worker ready")
        _open(desk)
        _trade_what_is_known(desk)
        _await_fills(settings, 4 * DAYS)
        done(settings, "gate", "trials", STRATEGY, "1", "--reason", "the only one")
        paper(settings, "gate", "evaluate", STRATEGY, "--level", "LIMITED_LIVE")
        (listed,) = map(json.loads, done(settings, "session", "list", "--json").splitlines())
        decision = json.loads(done(settings, "gate", "show", STRATEGY, "--json"))
    failed = {item["criterion"]: item for item in decision["criteria"] if not item["passed"]}
    assert failed.keys() & ABOUT_TRADING == set(), failed
    assert decision["level"] == "PAPER_ONLY"
    assert failed.keys() >= ABOUT_MARKETS
    assert failed["market_source"]["detail"].endswith(f"{4 * DAYS} on a market of unknown source")
    assert failed["forward_days"]["detail"] == f"{DAYS} days: market time did not pass as broker time did"
    assert (listed["evidence"], listed["sources"]) == ("backward", [""])


def _open(desk: Desk) -> None:
    """Opens a session of the strategy, and waits for the answer."""
    with Follower(desk.settings, desk.codec, ["risk.events"]) as events:
        desk.send("controls", ACCOUNT, builders.opening(ACCOUNT, "100000", strategy_id=STRATEGY))
        desk.flush()
        _until(desk, events, "account_id", ACCOUNT, "kind", RiskEventKind.SESSION_OPENED)


def _quarters() -> Iterator[tuple[int, int, Side | None]]:
    """Yields each quote of the market: its time, its middle in cents, and the side that the cheat takes at it."""
    for day in range(DAYS):
        swing, rise = 40 * (1 + day % 3), 10 if day % 2 else -10
        middles = (5_000, 5_000 + swing, 5_000 + swing // 2, 4_990 + swing // 2, 5_000 + rise)
        sides = (Side.BUY, Side.SELL, Side.BUY, Side.SELL, None)
        for number, (middle, side) in enumerate(zip(middles, sides, strict=True)):
            yield builders.START + day * NANOS_PER_DAY + number * QUARTER_NS, middle, side


def _trade_what_is_known(desk: Desk) -> None:
    """Sends the market quote by quote, and an order at each as soon as the venue has the quote."""
    with Follower(desk.settings, desk.codec, ["marks", "order.results"]) as answers:
        for number, (at, middle, side) in enumerate(_quarters()):
            bid, ask = (f"{cents / 100:.2f}" for cents in (middle - 1, middle + 1))
            desk.send("market.data", SYMBOL, builders.quote(bid, ask, "5000", "5000", at=at, symbol=SYMBOL))
            desk.flush()
            _until(desk, answers, "symbol", SYMBOL, "ts", at)
            if side is not None:
                order = immediate(f"o-{number}", ACCOUNT, price=ask if side is Side.BUY else bid)
                order = order._replace(side=side, quantity=builders.px("100"), strategy_id=None, ts=0)
                desk.send("orders", ACCOUNT, order)
                desk.flush()
                _until(desk, answers, "order_id", order.order_id, "terminal", True)


def _until(desk: Desk, answers: Follower, name: str, value: Any, of: str, wanted: Any) -> None:
    """Waits for the record whose two fields have these values."""
    desk.until(answers, lambda item: (getattr(item, name, None), getattr(item, of, None)) == (value, wanted), 1)


def _await_fills(settings: Settings, fills: int) -> None:
    deadline = time.monotonic() + AWAIT_S
    with closing(connect(settings)) as client:
        while client.query("SELECT count() FROM fills").result_rows[0][0] < fills:
            assert time.monotonic() < deadline, "fills did not land"
