"""A source is found by its name: those of installed packages first, then ccxt's exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from streams.pipeline.live.ccxt_source import CcxtSource
from streams.pipeline.live.find_source import open_source

OWN_SOURCE = """
class OwnSource:
    name = "own:test"
    def __init__(self, urls):
        self.urls = urls
"""


def test_an_exchange_of_ccxt_is_found() -> None:
    source = open_source("kraken", {})
    assert isinstance(source, CcxtSource)
    assert source.name == "kraken:ccxt"
    assert not source.health.connected


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """A package on the import path with a source of its own."""
    (tmp_path / "own_source.py").write_text(OWN_SOURCE)
    info = tmp_path / "own_source-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-source\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[paper.sources]\nown = own_source:OwnSource\n")
    monkeypatch.syspath_prepend(tmp_path)
    return {"rest": "http://127.0.0.1:1"}


def test_a_source_of_a_package_is_found(own_package: Mapping[str, str]) -> None:
    source = open_source("own", own_package)
    assert source.name == "own:test"
    assert getattr(source, "urls", None) == own_package
