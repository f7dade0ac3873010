"""A session on a live market, from the broker's append times to what the commands say of it."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.numbers import NANOS_PER_S
from streams.pipeline.clients.follow import Follower
from tests import builders
from tests.end_to_end.desk import AWAIT_S, SYMBOL, Desk, immediate
from tests.end_to_end.processes import done, running

SOURCE, ACCOUNT = "live:SIM:test", "f"
PACE_NS = 10 * NANOS_PER_S


def test_a_session_on_a_live_market_is_forward(pipeline_settings: Settings, tmp_path: Path) -> None:
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker") as worker:
        worker.await_log("Worker ready")
        desk.open_account(ACCOUNT)
        _quote_now(desk)
        (result,) = desk.trade([immediate("o-1", ACCOUNT)._replace(ts=0)])
        assert result.cum_qty == result.order_qty, result.text
        _await_fill(settings)
        (listed,) = map(json.loads, done(settings, "session", "list", "--json").splitlines())
        shown = done(settings, "session", "show", listed["session_id"])
        report = done(settings, "session", "report", listed["session_id"])
    evidence = "forward" if _lags_ns(desk) < PACE_NS else "backward"
    assert (listed["evidence"], listed["sources"]) == (evidence, [SOURCE])
    assert f"{'evidence':<18} {evidence}\n" in shown
    assert f"{'sources':<18} {SOURCE}\n" in shown
    assert f"evidence: {evidence}" in report
    assert f"source {SOURCE}" in report


def _quote_now(desk: Desk) -> None:
    """Sends a quote of this moment, and waits until the venue has it."""
    with Follower(desk.settings, desk.codec, ["marks"]) as marks:
        record = builders.quote("50.00", "50.02", at=time.time_ns(), symbol=SYMBOL)._replace(source=SOURCE)
        desk.send("market.data", SYMBOL, record)
        desk.flush()
        desk.until(marks, lambda mark: mark.symbol == SYMBOL and mark.ts == record.ts, 1)


def _lags_ns(desk: Desk) -> int:
    """Returns the longest lag of a quote or a fill. On a machine that is too busy no session is forward."""
    lags: list[int] = []
    for topic, partitions in (
        ("market.data", desk.settings.execution_partitions),
        ("fills", desk.settings.account_partitions),
    ):
        for partition in range(partitions):
            for record in desk.read_raw(topic, partition):
                assert record.value is not None
                lags.append(record.timestamp_ns - desk.codec.decode(topic, record.value).ts)
    return max(lags)


def _await_fill(settings: Settings) -> None:
    deadline = time.monotonic() + AWAIT_S
    with closing(connect(settings)) as client:
        while client.query("SELECT count() FROM fills").result_rows[0][0] < 1:
            assert time.monotonic() < deadline, "the fill did not land"
