"""Raw frames of a live feed: kept as they came, and read again as a market."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from schemas.records.numbers import NANOS_PER_HOUR, to_price
from streams.pipeline.feed.read_file import read_file
from streams.pipeline.live import frame_record
from streams.pipeline.live.ccxt_frames import frame_of
from streams.pipeline.live.feed_record import FeedRecording
from streams.pipeline.live.frame_record import FrameRecording
from tests.builders import START
from tests.pipeline.feed.feed_rows import rows_of
from tests.pipeline.live.exchange.book_fold import tops
from tests.pipeline.live.exchange.loopback import LoopbackExchange
from tests.pipeline.live.exchange.recordings import Recording, generated
from tests.pipeline.live.test_ccxt_source import VENUES, count, heard, source_at, whole


def lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def recorded(recording: Recording, folder: Path) -> Path:
    """Records the frames of an exchange that plays a recording. Returns the file of its market."""
    frames = FrameRecording(folder)

    async def main() -> None:
        async with LoopbackExchange([recording]) as exchange:
            source = source_at(exchange, VENUES[recording.kind])
            source.on_frame = frames.take
            await heard(exchange, source, [recording.symbol], whole(recording))

    asyncio.run(main())
    frames.end()
    (path,) = folder.glob(f"*-{recording.market_id.lower()}.frames.gz")
    return path


@pytest.mark.parametrize("kind", ["spot", "usdm"])
def test_recorded_frames_are_the_market_again(kind: str, tmp_path: Path) -> None:
    recording = generated(kind, seed=4)
    path = recorded(recording, tmp_path)
    kept = [json.loads(line.partition(" ")[2]) for line in lines(path)]
    assert [json.dumps(frame["data"]) for frame in kept if "data" in frame] == [item.text for item in recording.frames]
    table = read_file(path)
    kinds = [row[1] for row in rows_of(table)]
    assert kinds.count("Q") == count(recording, "@bookTicker")
    assert kinds.count("T") == count(recording, "@trade")
    assert kinds.count("B") - len(tops(recording)) in (0, 1), "each change, and the snapshot if it came after the first"
    best = to_price(tops(recording)[-1][1][0][0])
    (last,) = [row for row, letter in enumerate(kinds) if letter == "B"][-1:]
    assert table.level_px[int(table.bid_px[last])] == best


def test_a_file_of_frames_ends_with_its_hour_and_times_never_step_back(tmp_path: Path) -> None:
    frames = FrameRecording(tmp_path)
    for time_ns, text in ((START, "a"), (START - 5, "b\nc"), (START + NANOS_PER_HOUR, "d")):
        frames.take(time_ns, "X/Y", text)
    frames.write()
    (first,) = tmp_path.glob("*.frames.gz")
    assert first.name == "20231114T221320.000000Z-X%2FY.frames.gz"
    assert lines(first) == [f"{START} a", f"{START} b c"]
    frames.end()
    assert sorted(map(len, map(lines, tmp_path.iterdir()))) == [1, 2]


def test_frames_end_with_the_recording_of_the_updates(tmp_path: Path) -> None:
    frames = FrameRecording(tmp_path)
    with FeedRecording(tmp_path, frames) as recording:
        frames.take(START, "x", "first")
        recording.add([])
        frames.take(START + 1, "x", "last")
    (path,) = tmp_path.iterdir()
    assert lines(path) == [f"{START} first", f"{START + 1} last"]


def test_a_slow_disk_costs_frames_and_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_record, "WAITING_MAX", 2)
    frames = FrameRecording(tmp_path)
    for number in range(5):
        frames.take(START + number, "x", str(number))
    frames.end()
    (path,) = tmp_path.iterdir()
    assert (lines(path), frames.missing) == ([f"{START} 0", f"{START + 1} 1"], 3)


@pytest.mark.parametrize(
    ("venue", "data", "frame"),
    [
        ("kraken", '{"e":"trade","s":"A"}', ("kraken", '{"e":"trade","s":"A"}')),
        ("kraken", b"\x00\x01", ("kraken", '{"base64": "AAE="}')),
        ("binance", '{"e":"trade","s":"AB"}', ("ab", '{"stream":"ab@trade","data":{"e":"trade","s":"AB"}}')),
        ("binance", '{"stream":"ab@trade","data":{}}', ("ab", '{"stream":"ab@trade","data":{}}')),
        ("binance", '{"result":null,"id":1}', ("binance", '{"result":null,"id":1}')),
        ("binance", '{"e":"trade","s":"../x"}', ("binance", '{"e":"trade","s":"../x"}')),
        ("binance", '{"e":[],"s":"AB"}', ("binance", '{"e":[],"s":"AB"}')),
        ("binance", "no json", ("binance", "no json")),
        ("binance", "[" * 100_000, ("binance", "[" * 100_000)),
    ],
    ids=range(9),
)
def test_a_frame_is_kept_as_it_came(venue: str, data: str | bytes, frame: tuple[str, str]) -> None:
    assert frame_of(venue, data) == frame
