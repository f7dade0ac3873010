"""Evidence that was made up: rows written into ClickHouse and invented test reports reach no live level."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from infra.clickhouse.client import connect
from infra.settings import Settings
from schemas.records.enums import TradingLevel
from streams.evidence.cut import Cut
from streams.evidence.gate.gate_desk import GateDesk
from streams.evidence.gate.proved_evidence import read_proved
from tests.end_to_end.desk import Desk, immediate
from tests.end_to_end.processes import done, paper, running
from tests.evidence.gate.sessions import COMMIT, insert_session, whole_cases, write_report

STRATEGY = "st"
FIRST_FILL = "(partition, offset) IN (SELECT min((partition, offset)) FROM fills WHERE run_id = 'live')"


def prove(settings: Settings) -> dict[str, str]:
    """Returns the problem that each part of a proof finds now."""

    def nothing(client: object, cut: Cut) -> None:
        """Reads nothing."""

    proof = read_proved(settings, nothing, wait_s=1)[1]
    return {part: rows[0]["problem"] for part, rows in proof.rows.items()}


@pytest.fixture
def traded(pipeline_settings: Settings, tmp_path: Path) -> Settings:
    """Returns settings of a pipeline that has traded, with an invented report. All its records have landed."""
    settings = pipeline_settings.model_copy(update={"mock_trading": False})
    desk = Desk(settings)
    with running(settings, tmp_path, "sink"), running(settings, tmp_path, "worker"):
        done(settings, "session", "open", "--account", "l", "--strategy", STRATEGY)
        desk.quote(1)
        desk.trade([immediate(f"o-{number}", "l") for number in range(3)])
        done(settings, "gate", "ingest", str(write_report(tmp_path / "r.xml", "pytest", whole_cases())))
        done(settings, "reconcile")
    return settings


def test_rows_that_were_written_into_clickhouse_are_found_out(traded: Settings) -> None:
    assert prove(traded) == {"proof_rows": "", "proof_replay": "", "proof_reconciliation": ""}
    with closing(connect(traded)) as client:
        edit = f"ALTER TABLE fills UPDATE realised_pnl = 1000000 WHERE {FIRST_FILL} SETTINGS mutations_sync = 1"
        client.command(edit)
        assert "is another row than Kafka's record" in prove(traded)["proof_rows"]
        client.command(f"DELETE FROM fills WHERE {FIRST_FILL}")
        assert "is a record of Kafka without a row" in prove(traded)["proof_rows"]
        insert_session(client, traded.run_id, fills_a_day=6, tests=())
    # The sink of such a run stops, because Kafka does not have its rows. The gate says so by itself.
    record, verdict = GateDesk(traded).evaluate(STRATEGY, TradingLevel.FULL_LIVE, COMMIT)
    assert verdict.level is TradingLevel.PAPER_ONLY
    assert {"proved_rows", "reconciliation"} <= set(verdict.failed(TradingLevel.LIMITED_LIVE))
    assert {"days", "fills", "psr", "tests pytest"}.isdisjoint(verdict.failed(TradingLevel.LIMITED_LIVE))
    (proved,) = [item for item in verdict.results if (item.criterion, item.level) == ("proved_rows", "LIMITED_LIVE")]
    # A row by hand stands beside a record of the same offset, or where Kafka has none.
    assert proved.detail.startswith("table account_equity, partition 0, offset ")
    assert len(record.proof_sha256 or "") == 64


def test_an_invented_report_is_no_proof_and_no_test(pipeline_settings: Settings, tmp_path: Path) -> None:
    for suite, command in (
        ("reconcile", "paper reconcile --record"),
        ("Replay Verify", "paper replay verify --record"),
    ):
        refused = paper(
            pipeline_settings, "gate", "ingest", str(write_report(tmp_path / "r.xml", suite, ["all equal"]))
        )
        assert (refused.returncode, command in refused.stderr) == (1, True), refused.stderr
    assert Desk(pipeline_settings).read("test.results") == []
    done(
        pipeline_settings,
        "gate",
        "ingest",
        str(write_report(tmp_path / "r.xml", "pytest", ["tests.test_all.test_all_is_well"])),
    )
    (recorded,) = Desk(pipeline_settings).read("test.results")
    assert (recorded.suite, recorded.commit) == ("pytest", COMMIT)
