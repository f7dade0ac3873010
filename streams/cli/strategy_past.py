"""The past of the market with which a strategy begins: from the topic market.data, or from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.settings import Settings
    from schemas.avro.codec import Codec
    from schemas.records.messages import MarketData
    from streams.pipeline.feed.file_market import FileMarket
    from streams.strategies.participant import Participant


class PastMarket(NamedTuple):
    """The past that a strategy was given. lines: sentences about it. starts: where the live market goes on."""

    lines: list[str]
    starts: Mapping[tuple[str, int], int]


def past_market(settings: Settings, codec: Codec, trading: Participant, files: list[Path]) -> PastMarket:
    """Gives a strategy the past that it declares, and says how much that is.

    Raises InputError if files are given to a strategy without a warm-up, FeedError, LogUnavailable.
    """
    from schemas.records.numbers import NANOS_PER_S
    from streams.errors import InputError
    from streams.pipeline.clients.market_history import read_market_history

    span_ns = trading.warm_up_ns
    if not span_ns:
        if files:
            raise InputError("--warm-up: the strategy declares no warm_up_s, so it would not look at the files")
        return PastMarket([], {})
    if files:
        market = _file_market(files)
        updates = trading.show_past(_records(market), market.last_ns - span_ns)
        starts: Mapping[tuple[str, int], int] = {}
    else:
        found = read_market_history(settings, codec, trading.symbols, span_ns)
        updates, starts = trading.show_past(found.records, found.newest_ns - span_ns), found.starts
    return PastMarket(
        [f"warm-up of {span_ns / NANOS_PER_S:g} s: {updates:,} past updates; no orders before its end"], starts
    )


def _file_market(files: list[Path]) -> FileMarket:
    from streams.cli.output import say
    from streams.pipeline.feed.file_market import FileMarket
    from streams.pipeline.feed.read_folder import market_files

    return FileMarket([file for path in files for file in (market_files(path, say) if path.is_dir() else [path])])


def _records(market: FileMarket) -> Iterator[MarketData]:
    from streams.evidence.replay.market_updates import update_records

    for _, table in market.blocks(0):
        yield from update_records(table)
