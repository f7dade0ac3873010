"""`paper feed` as a process: files stay its default, and a live market is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from tests.end_to_end.processes import told


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a pipeline that does not run."""
    return Settings(_env_file=None, paper_home=tmp_path)


def test_files_are_its_default(settings: Settings, tmp_path: Path) -> None:
    for command in (("feed",), ("feed", "files")):
        assert f"{tmp_path}/no.csv: there is no such file" in told(settings, *command, f"{tmp_path}/no.csv", code=1)
        assert "give files or --synthetic" in told(settings, *command, code=2)
        assert "No such option" in told(settings, *command, "--fast", code=2)


def test_a_live_market_of_an_unknown_symbol_is_refused(settings: Settings) -> None:
    said = told(settings, "feed", "live", "binance", "ACME.SIM", "NO/SUCH", code=1)
    assert "`paper instruments fetch binance NO/SUCH` brings it" in said


def test_an_address_needs_a_name(settings: Settings) -> None:
    assert "--raw needs --record" in told(settings, "feed", "live", "binance", "ACME.SIM", "--raw", code=2)
    assert "must be NAME=URL" in told(settings, "feed", "live", "binance", "ACME.SIM", "--url", "wss", code=2)
