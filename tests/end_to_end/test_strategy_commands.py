"""A user's own strategy class: live through Kafka, and in re-simulations of topics and files, alone and in a sweep."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.numbers import price_text
from streams.evidence.gate.gather_evidence import tried_by
from streams.pipeline.feed.synthetic import SyntheticMarket, synthetic
from streams.pipeline.feed.table import QUOTE
from streams.pipeline.reference.load_config import load_instruments
from tests.end_to_end.processes import Background, done, paper, running

SYMBOL, STRATEGY, EXAMPLE = "ACME.SIM", "examples.own_strategy:BuyDips", "examples/own_strategy.yaml"
PROBE = "tests.strategies.event_probe:EventProbe"


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def write_market(settings: Settings, folder: Path) -> Path:
    """Writes a file with twenty seconds of quotes."""
    instruments = [item for item in load_instruments(settings.reference_data) if item.symbol == SYMBOL]
    table = synthetic(SyntheticMarket(3, seconds=20), tuple(instruments))
    rows = zip(table.kind, table.time, table.bid_px, table.bid_sz, table.ask_px, table.ask_sz, strict=True)
    lines = ["ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz"]
    for kind, time_ns, *numbers in rows:
        if kind == QUOTE:
            lines.append(",".join([str(time_ns), SYMBOL, *(price_text(int(number)) for number in numbers)]))
    folder.mkdir()
    path = folder / "quotes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def trade_live(settings: Settings, folder: Path, market: Path) -> None:
    """Runs the strategy, which waits for quotes, and then feeds the market at full speed."""
    sized = ("--account", "mine", "--symbol", SYMBOL, "--max-position", "50", "--every", "10", "--latency-ms", "5")
    command = ("strategy", "run", STRATEGY, *sized, "--quantity", "10", "--cash", "100000", "--max-orders", "3")
    with (
        running(settings, folder, *command) as strategy,
        running(settings, folder, *declared("twap", "examples.twap:Twap", "target=20"), "--max-orders", "1") as twap,
        running(settings, folder, *declared("broken", PROBE, "fails_at=9")) as broken,
    ):
        for each in (strategy, twap, broken):
            each.await_log(f" trades {SYMBOL}")
        fed = paper(settings, "feed", str(market))
        assert (fed.returncode, "runs ahead of them" in fed.stderr) == (0, True)
        strategy.await_log("3 requests sent")
        ended(strategy)
        assert "s of market time: the market ran ahead of the strategy" in strategy.log.read_text()
        ended(twap)
        assert broken.process.wait(60) == 1
        assert "EventProbe: on_quote: ZeroDivisionError: on purpose; at" in broken.log.read_text()
    again_in_the_same_session(settings, folder, *command)
    changed = paper(settings, *(item if item != "10" else "20" for item in command))
    assert (changed.returncode, "with these parameters; close it" in changed.stderr) == (1, True), changed.stderr
    unnamed = paper(settings, "strategy", "run", STRATEGY, *sized, "--quantity", "10", "--session", "s")
    assert (unnamed.returncode, "--session need --cash" in unnamed.stderr) == (2, True), unnamed.stderr


def declared(account: str, name: str, parameter: str) -> tuple[str, ...]:
    """Returns the command that runs a strategy with a declared parameter."""
    symbols = ("--symbol", SYMBOL, *(("--symbol", "GLOBEX.SIM") if name == PROBE else ()))
    return ("strategy", "run", name, "--account", account, "--cash", "100000", *symbols, "--set", parameter)


def again_in_the_same_session(settings: Settings, folder: Path, *command: str) -> None:
    """A strategy that is started again goes on in its session; one without --cash is told what that means."""
    with running(settings, folder, *command) as strategy:
        strategy.await_log(f"session mine-{STRATEGY}-")
        strategy.await_log("of account mine goes on")
    start = command.index("--cash")
    with running(settings, folder, *command[:start], *command[start + 2 :]) as strategy:
        strategy.await_log("without --cash this run is no evidence")
        strategy.await_log(f"{STRATEGY} trades {SYMBOL}")


def ended(background: Background) -> None:
    assert background.process.wait(60) == 0, background.log.read_text()
    assert "0 unanswered" in background.log.read_text()


def simulated(settings: Settings, name: str, *arguments: str) -> str:
    run = json.loads(done(settings, "replay", "run", "--run-id", name, "--json", *arguments))
    digest: str = run["outputs_sha256"]
    return digest


def test_one_class_live_replayed_and_swept(settings: Settings, tmp_path: Path) -> None:
    market = write_market(settings, tmp_path / "market")
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        trade_live(settings, tmp_path, market)
    assert done(settings, "replay", "verify").endswith("all equal\n")

    data = ("--data", str(market.parent))
    topics = simulated(settings, "topics", "--with", EXAMPLE)
    assert simulated(settings, "files", "--with", EXAMPLE, *data) == topics
    alone = simulated(settings, "alone", "--with", EXAMPLE, *data, "--strategies-only")
    taken = paper(settings, "replay", "run", "--run-id", "alone", "--with", EXAMPLE, *data)
    assert (taken.returncode, "choose another" in taken.stderr) == (1, True)

    grid = tmp_path / "grid.yaml"
    grid.write_text("strategies.dip.every: [10, 20]\n")
    swept = ("--grid", str(grid), "--with", EXAMPLE, *data, "--strategies-only", "--jobs", "2", "--json")
    rows = [json.loads(line) for line in done(settings, "replay", "sweep", *swept).splitlines()]
    assert [row["strategies.dip.every"] for row in rows] == ["10", "20"]
    assert all(int(row["fills"]) > 3 for row in rows)
    with closing(connect(settings)) as client:
        query = "SELECT run_id, outputs_sha256 FROM replay_runs FINAL"
        digests: dict[str, str] = {row[0]: row[1] for row in client.query(query).result_rows}
        assert digests[rows[0]["run_id"]] == alone, "processes change nothing"
        assert digests[rows[1]["run_id"]] != alone
        tried = tried_by(client, STRATEGY, "UTC")
        assert tried.trials == 2, "live and four of the five runs have equal parameters"
        assert tried.strategies == (STRATEGY,)
        query = "SELECT count() FROM fills WHERE run_id = 'alone' AND strategy_id = {id:String}"
        ((fills,),) = client.query(query, parameters={"id": STRATEGY}).result_rows
        assert str(fills) == rows[0]["fills"]
