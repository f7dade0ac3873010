"""The inputs of a sweep: market data are parsed once, and all processes map the same file into memory."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from infra.settings import Settings
from streams.core.core_config import CoreConfig
from streams.evidence.replay.input_source import InputSource, open_source
from streams.evidence.replay.market_time import MarketTimeline
from streams.evidence.replay.recorded_inputs import ReplayInput
from streams.pipeline.feed.table_file import map_table, write_table

Opening = tuple[Settings, Sequence[Path], bool]
"""Settings, folders and strategies_only of open_source."""


class _SharedTimeline(NamedTuple):
    """A timeline whose market is in a file."""

    market: Path
    heartbeats: list[ReplayInput]
    controls: list[ReplayInput]
    orders: list[ReplayInput]
    partitions: int


class SharedInputs(NamedTuple):
    """Inputs that travel to other processes and are opened there.

    Attributes:
        config, name: those of the source.
        opening: how the source was opened.
        timelines: for runs with and without strategies, what comes in the order of market time.
    """

    config: CoreConfig
    name: str
    opening: Opening
    timelines: dict[bool, _SharedTimeline]

    @classmethod
    def of(cls, source: InputSource, opening: Opening, strategies: Collection[bool], place: Path) -> Self:
        """Parses the market of a source into files.

        Args:
            source: an opened source.
            opening: how it was opened, see open_source.
            strategies: whether the runs have strategies.
            place: folder of the files.
        """
        timelines: dict[bool, _SharedTimeline] = {}
        for chosen in sorted(strategies):
            found = source.inputs(chosen)
            if isinstance(found, MarketTimeline):
                path = place / f"market-{len(timelines)}.arrow"
                write_table(found.table, path)
                parts = found.heartbeats, found.controls, found.orders, found.partitions
                timelines[chosen] = _SharedTimeline(path, *parts)
        return cls(source.config, source.name, opening, timelines)

    def open(self, strategies: bool) -> Iterable[ReplayInput]:
        """Returns the inputs of runs with or without strategies in a form that can be iterated many times."""
        found = self.timelines.get(strategies)
        if found is not None:
            return MarketTimeline(map_table(found.market), *found[1:])
        source = open_source(*self.opening, lambda _: None)
        return list(source.inputs(strategies))
