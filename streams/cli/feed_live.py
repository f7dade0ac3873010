"""`paper feed live`: sends a live market to the pipeline."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from streams.cli.interrupts import kill_at_next
from streams.cli.options import JSON_LINES

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.operations.health.feed_file import FeedFile
    from streams.pipeline.live.feed_health import FeedHealth
    from streams.pipeline.live.frame_record import FrameRecording
    from streams.pipeline.live.live_feed import LiveFeed
    from streams.pipeline.live.source import Source

INTERRUPTED = 130
"""Exit code after Ctrl-C; SIGTERM is the normal end of a feed that has none of its own."""
LINE_S = 10.0
"""Seconds between two lines where the output is no terminal, in which one line can be updated."""


def feed_live(
    venue: str = typer.Argument(help="Exchange, such as binance, or alpaca."),
    symbols: list[str] = typer.Argument(help="Symbols, as the reference data have them."),
    record: Path = typer.Option(None, help="Folder in which all updates are also kept, as Parquet files of an hour."),
    raw: bool = typer.Option(False, help="With --record: also keep the frames as the exchange sent them, by the hour."),
    url: list[str] = typer.Option(
        [], help="NAME=URL: another address in place of one of the exchange; may be given several times."
    ),
    as_json: bool = JSON_LINES,
) -> None:
    """Sends a live market to the topic market.data until it is stopped.

    A gap (a lost connection, missing updates, a start) halts the symbols until fresh data have come. A symbol has one
    feed: the same command elsewhere takes it over, another one is refused.
    """
    from infra.settings import get_settings
    from streams.pipeline.live.find_source import open_source
    from streams.pipeline.live.live_feed import demand_instruments

    settings = get_settings()
    urls = dict(_pair(item) for item in url)
    if raw and record is None:
        raise typer.BadParameter("--raw needs --record: the folder in which the frames are kept")
    demand_instruments(settings, venue, symbols)
    run_live(settings, open_source(venue, urls), tuple(symbols), record, as_json, raw)


def _pair(item: str) -> tuple[str, str]:
    name, sign, address = item.partition("=")
    if not (name and sign and address):
        raise typer.BadParameter(f"--url {item}: must be NAME=URL")
    return name, address


def run_live(
    settings: Settings, source: Source, symbols: tuple[str, ...], record: Path | None, as_json: bool, raw: bool = False
) -> None:
    """Feeds a source's symbols until SIGTERM or SIGINT. raw: also records its frames.

    Raises typer.Exit after SIGINT, with the code INTERRUPTED.
    """
    from contextlib import ExitStack

    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.operations.health.feed_file import feed_file
    from streams.pipeline.live.feed_record import FeedRecording
    from streams.pipeline.live.live_feed import LiveFeed

    with ExitStack() as stack:
        frames = _frames(source, record) if record and raw else None
        recording = None if record is None else stack.enter_context(FeedRecording(record, frames))
        shown = _Shown(stack.enter_context(feed_file(settings, symbols)), as_json)
        codec = Codec(Registry(settings))
        print(f"feeds {', '.join(symbols)} from {source.name}", file=sys.stderr)
        feed = LiveFeed(settings, codec, source, symbols, shown.health, shown.notice, recording)
        interrupted = _run(feed)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _frames(source: Source, folder: Path) -> FrameRecording:
    """Returns the recording of a source's frames. Raises FeedError if it shows none."""
    from streams.errors import FeedError
    from streams.pipeline.live.frame_record import FrameRecording
    from streams.pipeline.live.source import FramedSource

    if not isinstance(source, FramedSource):
        raise FeedError(f"{source.name} shows no raw frames; leave --raw out, --record keeps all updates")
    recording = FrameRecording(folder)
    source.on_frame = recording.take
    return recording


def _run(feed: LiveFeed) -> bool:
    """Runs a feed, and returns whether Ctrl-C has ended it."""
    import asyncio
    import signal

    from infra.forced_exit import STOP_PATIENCE_S, force_exit_after

    seen: list[int] = []

    async def until_stopped() -> None:
        def stop(number: int) -> None:
            if not seen:
                force_exit_after(STOP_PATIENCE_S, "run the same command again, the gap is marked")
                feed.stop()
                loop.remove_signal_handler(signal.SIGINT)
                kill_at_next()
            seen.append(number)

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)
        await feed.run()

    asyncio.run(until_stopped())
    return signal.SIGINT in seen


class _Shown:
    """The output of a feed: its health each second as a line that is updated, or as JSON lines, and its notices."""

    def __init__(self, file: FeedFile, as_json: bool) -> None:
        self._file = file
        self._as_json = as_json
        self._is_terminal = sys.stdout.isatty()
        self._printed = 0.0
        self._width = 0

    def health(self, health: FeedHealth) -> None:
        """Shows the health, and keeps it for `paper status`."""
        self._file.write(health)
        if self._as_json:
            print(json.dumps(health._asdict()), flush=True)
        elif self._is_terminal:
            print(f"\r{health.line:<{self._width}}", end="", flush=True)
            self._width = len(health.line)
        elif health.at - self._printed >= LINE_S:
            self._printed = health.at
            print(health.line, flush=True)

    def notice(self, text: str) -> None:
        """Shows what happened to a symbol."""
        from streams.cli.output import say

        if self._width:
            print(flush=True)
        say(text)
