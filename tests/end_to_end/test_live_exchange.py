"""An exchange on this machine, fed by the real client: the market is exact, gaps are marked, and orders fill."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from schemas.records.messages import MarketData
from schemas.records.numbers import PRICE_SCALE, to_price
from streams.core.market.market_data import BOOK, HALT, QUOTE, RESUME, TRADE, MarketRows
from streams.pipeline.clients.follow import Follower
from tests.end_to_end.desk import AWAIT_S, Desk, immediate
from tests.end_to_end.processes import done, running
from tests.end_to_end.running_exchange import SYMBOL, exchange_of, live_settings
from tests.end_to_end.test_live_trading import dead_letters
from tests.pipeline.live.exchange.book_fold import tops
from tests.pipeline.live.exchange.loopback import Fault
from tests.pipeline.live.exchange.recordings import Recording, generated

Levels = tuple[tuple[int, int], ...]


class Written:
    """The updates on market.data: books, trades and other kinds in their order. Prices and sizes: 1e-9."""

    def __init__(self) -> None:
        self.books: list[tuple[Levels, Levels]] = []
        self.trades: list[tuple[int, int, str]] = []
        self.kinds = ""

    def take(self, record: MarketData) -> None:
        rows = MarketRows(record)
        for kind in record.kinds:
            if kind == QUOTE:
                rows.next_quote()
            elif kind == TRADE:
                self.trades.append(rows.next_trade())
            elif kind == BOOK:
                bids, asks = rows.next_levels()
                self.books.append((tuple(zip(*bids, strict=True)), tuple(zip(*asks, strict=True))))
        self.kinds += record.kinds


@pytest.fixture
def settings(pipeline_settings: Settings, tmp_path: Path) -> Settings:
    return live_settings(pipeline_settings, tmp_path)


def exact(side: tuple[tuple[object, object], ...]) -> Levels:
    return tuple((to_price(price), to_price(size)) for price, size in side)  # type: ignore[arg-type]


def above(asks: Levels) -> str:
    """Returns a price one percent above the best ask, in steps of the exchange."""
    return f"{asks[0][0] * 1.01 / PRICE_SCALE:.2f}"


def fed(settings: Settings, folder: Path, recording: Recording, faults: dict[int, Fault]) -> Written:
    """Feeds a recording through `paper feed live` while an order waits for its fill. Returns what was written."""
    desk, written = Desk(settings), Written()
    trades = sum("@trade" in frame.stream for frame in recording.frames)
    last = tuple(map(exact, tops(recording)[-1][1:]))
    with exchange_of(recording, faults) as exchange:
        done(settings, "instruments", "fetch", "binance", SYMBOL, "--yes", *exchange.urls)
        with running(settings, folder, "sink"), running(settings, folder, "worker"):
            desk.open_account("A", currency="USDT")
            with (
                Follower(settings, desk.codec, ["market.data"]) as market,
                running(settings, folder, "feed", "live", "binance", SYMBOL, *exchange.urls) as feed,
            ):
                feed.await_log(f"feeds {SYMBOL}")
                playing = exchange.play()
                while len(written.trades) < trades or written.books[-1:] != [last]:
                    for item in market.poll(0.1):
                        written.take(item.message)
                    assert feed.process.poll() is None, feed.log.read_text()
                playing.result(AWAIT_S)
                (result,) = desk.trade([immediate("mine", "A", symbol=SYMBOL, price=above(last[1]))])
                assert feed.stop() == 0
            assert result.ord_status == "FILLED", result.text
            done(settings, "reconcile")
    assert dead_letters(settings) == 0
    return written


def test_the_market_of_an_exchange_is_on_the_topic_exactly(settings: Settings, tmp_path: Path) -> None:
    recording = generated("spot", seed=7)
    written = fed(settings, tmp_path, recording, {})
    expected = [tuple(map(exact, levels[1:])) for levels in tops(recording)]
    assert len(written.books) > len(expected) // 2
    assert written.books == expected[-len(written.books) :]
    assert written.kinds.count(HALT) == written.kinds.count(RESUME) == 1, "the start is marked, and nothing else"
    done(settings, "replay", "verify")


def test_a_gap_is_a_halt_and_a_resume(settings: Settings, tmp_path: Path) -> None:
    recording = generated("spot", seed=8)
    depth = [number for number, frame in enumerate(recording.frames) if frame.is_depth]
    dropped = depth[len(depth) // 2]
    written = fed(settings, tmp_path, recording, {dropped: Fault.DROP})
    assert written.kinds.count(HALT) == written.kinds.count(RESUME) == 2
    assert set(written.books) <= {tuple(map(exact, levels[1:])) for levels in tops(recording)}, "no book is invented"
    assert len(written.trades) == sum("@trade" in frame.stream for frame in recording.frames)
    done(settings, "replay", "verify")
