"""A converted file has the same rows, appears only when it is whole, and replaces none unasked."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from infra.settings import Settings
from streams.cli.app import app
from streams.errors import FeedError
from streams.pipeline.feed.convert import convert
from streams.pipeline.feed.file_market import FileMarket
from tests.end_to_end.processes import paper

T = 1_700_000_000_000_000_000
CSV = f"""ts_ns,symbol,bid_px,bid_sz,ask_px,ask_sz
{T},ABC,1.5,10,1.51,
{T + 1},XYZ,,,0.000000001,123456789.5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "quotes.csv"
    path.write_text(CSV)
    return path


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_the_converted_file_is_the_same_market(suffix: str, file: Path, tmp_path: Path) -> None:
    target, again = tmp_path / f"q.{suffix}", tmp_path / f"again.{suffix}"
    assert convert(file, target) == 2
    assert FileMarket([target]).source == FileMarket([file]).source
    assert convert(target, again) == 2
    assert again.read_bytes() == target.read_bytes()


def test_prices_are_decimals_and_times_integers(file: Path, tmp_path: Path) -> None:
    convert(file, tmp_path / "q.parquet")
    found = parquet.read_table(tmp_path / "q.parquet").to_pylist()
    assert found[1] == {
        "ts_ns": T + 1,
        "symbol": "XYZ",
        "bid_px": None,
        "bid_sz": None,
        "ask_px": Decimal("0.000000001"),
        "ask_sz": Decimal("123456789.5"),
    }


def test_a_broken_file_leaves_no_target(file: Path, tmp_path: Path) -> None:
    with file.open("a") as lines:
        lines.write(f"{T},ABC,1,1,2,2\n")
    with pytest.raises(FeedError, match="line 4: ts_ns steps back"):
        convert(file, tmp_path / "q.parquet")
    with pytest.raises(FeedError, match=r"q\.csv: must end with \.parquet or \.arrow"):
        convert(file, tmp_path / "q.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["quotes.csv"]


def test_the_command_tells_the_rows_and_replaces_none_unasked(file: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> int:
        return CliRunner().invoke(app, ["convert", str(file), str(tmp_path / "q.parquet"), *arguments]).exit_code

    assert (run(), run(), run("--yes")) == (0, 2, 0)


TICKER = '{"stream":"abc@bookTicker","data":{"s":"ABC","b":"1","B":"1","a":"2","A":"1"}}'
TRADE = '{"stream":"abc@trade","data":{"s":"ABC","p":"2","q":"1","m":false}}'


def frames(folder: Path, *texts: str) -> Path:
    path = folder / "abc.frames"
    path.write_text("".join(f"{T + number} {text}\n" for number, text in enumerate(texts)))
    return path


def test_rows_of_several_kinds_become_a_folder_that_is_the_same_market(tmp_path: Path) -> None:
    path, folder = frames(tmp_path, TICKER, TRADE, TICKER, TRADE), tmp_path / "day"
    assert convert(path, folder, symbol="ABC.X") == 4
    assert sorted(file.name for file in folder.iterdir()) == ["6-trades.parquet", "7-quotes.parquet"]
    assert FileMarket(sorted(folder.iterdir())).source == FileMarket([path], symbol="ABC.X").source
    with pytest.raises(FeedError, match="day: exists; name a new folder"):
        convert(path, folder)


def test_a_file_holds_one_kind_of_rows(tmp_path: Path) -> None:
    with pytest.raises(
        FeedError, match=r"the file has quotes and trades, and a file holds one kind; name a folder, as"
    ):
        convert(frames(tmp_path, TICKER, TRADE), tmp_path / "day.parquet")
    with pytest.raises(FeedError, match="line 3"):
        convert(frames(tmp_path, TICKER, TRADE, "{"), tmp_path / "day")
    assert [path.name for path in tmp_path.iterdir()] == ["abc.frames"]


def test_the_command_renames_the_symbol(tmp_path: Path) -> None:
    path = frames(tmp_path, TICKER, TRADE)
    done = paper(Settings(_env_file=None), "convert", str(path), str(tmp_path / "day"), "--symbol", "ABC.X")
    assert (done.returncode, "day: 2 rows" in done.stderr) == (0, True), done.stderr
    assert FileMarket(sorted((tmp_path / "day").iterdir())).symbols == ("ABC.X",)
