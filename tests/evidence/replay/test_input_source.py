"""The source of a re-simulation's inputs: the folders that fit together, and the defaults without a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from streams.errors import FeedError, InputError
from streams.evidence.replay.input_source import InputSource, open_source

QUOTES = "ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz\n1700000000000000000,NEW.ONE,1.25,100,1.50,200\n"


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Returns a folder with one quote of a symbol that the reference data do not know."""
    return written(tmp_path / "market", QUOTES)


def written(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "quotes.csv").write_text(text)
    return folder


def alone(folder: Path) -> InputSource:
    return open_source(Settings(_env_file=None), [folder], True, lambda _: None)


def test_without_a_record_the_settings_and_the_market_say_it_all(market: Path) -> None:
    source = alone(market)
    (added,) = [item for item in source.config.instruments if item.symbol == "NEW.ONE"]
    assert (str(added.tick_size), added.currency) == ("0.010000000", "USD")
    assert source.config.account_partitions == Settings(_env_file=None).account_partitions
    assert {item.topic for item in source.inputs(strategies=True)} == {"market.data"}


def test_files_are_known_by_their_content(market: Path, tmp_path: Path) -> None:
    same, other = written(tmp_path / "same", QUOTES), written(tmp_path / "other", QUOTES.replace("200", "201"))
    assert alone(market).name == alone(same).name != alone(other).name


def test_folders_that_do_not_fit_are_refused(market: Path, tmp_path: Path) -> None:
    settings = Settings(_env_file=None)
    with pytest.raises(InputError, match="at most one archive and one folder"):
        open_source(settings, [market, written(tmp_path / "second", QUOTES)], False, lambda _: None)
    with pytest.raises(InputError, match="--strategies-only reads no record"):
        open_source(settings, [], True, lambda _: None)
    with pytest.raises(FeedError, match="no market data files"):
        open_source(settings, [tmp_path / "nothing"], False, lambda _: None)
