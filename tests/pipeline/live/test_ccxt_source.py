"""The source by ccxt against an exchange on this machine: complete, exact, and halted where it can't vouch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from streams.pipeline.live.back_off import BackOff
from streams.pipeline.live.ccxt_source import CcxtSource
from streams.pipeline.live.source import LiveBook, LiveHalt, LiveQuote, LiveResume, LiveTrade, LiveUpdate
from tests.pipeline.live.exchange.book_fold import BookFold, tops
from tests.pipeline.live.exchange.loopback import Fault, LoopbackExchange
from tests.pipeline.live.exchange.recordings import Recording, generated, spot, usdm

VENUES = {"spot": "binance", "usdm": "binanceusdm"}
WAIT_S = 30


def source_at(exchange: LoopbackExchange, venue: str) -> CcxtSource:
    return CcxtSource(venue, exchange.urls, BackOff(Random(1), first_s=0.01, most_s=0.05))


def count(recording: Recording, stream: str) -> int:
    return sum(stream in frame.stream for frame in recording.frames)


def whole(recording: Recording) -> Callable[[Sequence[LiveUpdate]], bool]:
    """Returns a test of whether all of a recording has come: its last book, and every quote and trade."""
    quotes, trades = count(recording, "@bookTicker"), count(recording, "@trade")
    _, bids, asks = tops(recording)[-1]
    seen = {"quotes": 0, "trades": 0, "book": 0}

    def is_whole(updates: Sequence[LiveUpdate]) -> bool:
        last = updates[-1]
        seen["quotes"] += isinstance(last, LiveQuote)
        seen["trades"] += isinstance(last, LiveTrade)
        if isinstance(last, LiveBook):
            seen["book"] = last[3:] == (bids, asks)
        return seen["quotes"] >= quotes and seen["trades"] >= trades and bool(seen["book"])

    return is_whole


async def heard(
    exchange: LoopbackExchange,
    source: CcxtSource,
    symbols: Sequence[str],
    enough: Callable[[Sequence[LiveUpdate]], bool],
) -> list[LiveUpdate]:
    """Returns the updates of a source while the exchange plays, until there are enough."""
    updates: list[LiveUpdate] = []
    async with asyncio.timeout(WAIT_S):
        await source.open(symbols)
        playing = asyncio.create_task(exchange.play())
        try:
            async for update in source.updates():
                updates.append(update)
                if enough(updates):
                    break
            await playing
        finally:
            playing.cancel()
            await source.close()
    return updates


def run(
    recording: Recording,
    faults: Mapping[int, Fault] | None = None,
    speed: float | None = None,
    whole_of: Recording | None = None,
) -> tuple[list[LiveUpdate], CcxtSource]:
    """Plays a recording until all of it, or of another one, has come."""

    async def main() -> tuple[list[LiveUpdate], CcxtSource]:
        planned = {(recording.symbol, number): fault for number, fault in (faults or {}).items()}
        async with LoopbackExchange([recording], speed, planned) as exchange:
            source = source_at(exchange, VENUES[recording.kind])
            return await heard(exchange, source, [recording.symbol], whole(whole_of or recording)), source

    return asyncio.run(main())


def books(updates: Sequence[LiveUpdate]) -> list[tuple[object, object]]:
    return [(update.bids, update.asks) for update in updates if isinstance(update, LiveBook)]


def test_everything_comes_out(recording: Recording) -> None:
    updates, source = run(recording)
    first = BookFold(recording.snapshot).top()
    assert books(updates) == [first, *((bids, asks) for _, bids, asks in tops(recording))]
    frames = [json.loads(frame.text) for frame in recording.frames if "@trade" in frame.stream]
    assert [update[1:2] + update[3:] for update in updates if isinstance(update, LiveTrade)] == [
        (frame["T"] * 1_000_000, Decimal(frame["p"]), Decimal(frame["q"]), "S" if frame["m"] else "B")
        for frame in frames
    ]
    tickers = [json.loads(frame.text) for frame in recording.frames if "@bookTicker" in frame.stream]
    assert [update[1:2] + update[3:] for update in updates if isinstance(update, LiveQuote)] == [
        (
            frame["E"] * 1_000_000 if "E" in frame else None,
            *(Decimal(frame[name]) for name in ("b", "B", "a", "A")),
        )
        for frame in tickers
    ]
    assert not [update for update in updates if isinstance(update, LiveHalt | LiveResume)]
    assert (source.health.gaps, source.health.reconnects, source.health.refused) == (0, 0, 0)
    assert source.health.updates == len(updates)


@pytest.fixture(scope="module", params=["spot generated", "usdm generated", "spot recorded", "usdm recorded"])
def recording(request: pytest.FixtureRequest) -> Recording:
    kind, origin = request.param.split()
    if origin == "generated":
        return generated(kind, seed=7)
    folder: Path = request.getfixturevalue("market_data_folder")
    if not (folder / "raw").is_dir():
        pytest.skip(f"recorded market data: {folder} lacks raw/; set PAPER_MARKET_DATA")
    return (spot if kind == "spot" else usdm)(folder).part(4_000)


def depth_frames(recording: Recording) -> list[int]:
    """Returns the numbers of the depth frames after the snapshot, all but the last few."""
    return [
        number for number, frame in enumerate(recording.frames) if frame.is_depth and number > recording.snapshot_before
    ][:-5]


def places(updates: Sequence[LiveUpdate], recording: Recording) -> list[list[int]]:
    """Returns for each stretch without a halt which frames its books are of: neighbours, and none out of order."""
    expected = [BookFold(recording.snapshot).top(), *((bids, asks) for _, bids, asks in tops(recording))]
    stretches: list[list[object]] = [[]]
    for update in updates:
        if isinstance(update, LiveHalt):
            stretches.append([])
        elif isinstance(update, LiveBook):
            stretches[-1].append((update.bids, update.asks))
    found: list[list[int]] = []
    start = 0
    for stretch in stretches:
        size = len(stretch)
        first = next((at for at in range(start, len(expected)) if expected[at : at + size] == stretch), None)
        assert first is not None, f"after frame {start} no {size} books in a row are those of the frames"
        found.append(list(range(first, first + size)))
        start = first + size - 1
    assert found[-1][-1] == len(expected) - 1
    return found


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.SWAP])
def test_each_gap_is_a_halt_and_a_resume(fault: Fault, recording: Recording) -> None:
    numbers = depth_frames(recording)
    chosen = [numbers[len(numbers) * part // 10] for part in (2, 5, 8)]
    updates, source = run(recording, dict.fromkeys(chosen, fault))
    states = [update for update in updates if isinstance(update, LiveHalt | LiveResume)]
    assert [type(state) for state in states] == [LiveHalt, LiveResume] * 3
    assert all("gap in the sequence" in state.reason for state in states if isinstance(state, LiveHalt))
    assert (source.health.gaps, source.health.reconnects, source.health.refused) == (3, 0, 0)
    for position, update in enumerate(updates):
        if isinstance(update, LiveResume):
            assert isinstance(updates[position + 1], LiveBook)
    assert len(places(updates, recording)) == 4


@pytest.mark.parametrize("stream", ["@depth", "@bookTicker", "@trade"])
def test_a_cut_socket_is_a_halt_and_a_resume(stream: str, recording: Recording) -> None:
    numbers = [number for number, frame in enumerate(recording.frames) if stream in frame.stream]
    updates, source = cut(recording, numbers[len(numbers) // 2])
    states = [update for update in updates if isinstance(update, LiveHalt | LiveResume)]
    assert [type(state) for state in states] == [LiveHalt, LiveResume]
    assert (source.health.gaps, source.health.reconnects) == (1, 1)
    assert len(places(updates, recording)) == 2


def cut(recording: Recording, number: int) -> tuple[list[LiveUpdate], CcxtSource]:
    """Runs a recording whose frame with this number is cut; no other update of its stream may be lost."""
    lost = recording.frames[number]
    rest = Recording(
        recording.kind,
        recording.symbol,
        recording.market_id,
        tuple(frame for frame in recording.frames if frame is not lost or lost.is_depth),
        recording.snapshot,
        recording.snapshot_before,
    )

    async def main() -> tuple[list[LiveUpdate], CcxtSource]:
        async with LoopbackExchange([recording], faults={(recording.symbol, number): Fault.CUT}) as exchange:
            source = source_at(exchange, VENUES[recording.kind])
            return await heard(exchange, source, [recording.symbol], whole(rest)), source

    return asyncio.run(main())


def test_duplicates_and_garbage_cost_nothing(recording: Recording) -> None:
    step = len(recording.frames) // 12
    faults = {step * part: (Fault.GARBAGE, Fault.DUPLICATE)[part % 2] for part in range(1, 12)}
    updates, source = run(recording, faults)
    assert not [update for update in updates if isinstance(update, LiveHalt | LiveResume)]
    trades = [update for update in updates if isinstance(update, LiveTrade)]
    assert len(trades) == count(recording, "@trade")
    assert source.health.refused > 0
    assert (source.health.gaps, source.health.reconnects) == (0, 0)
