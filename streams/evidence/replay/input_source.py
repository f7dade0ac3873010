"""The source of a re-simulation's inputs: the topics of a pipeline or an archive, files of market data, or both."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from infra.kafka.partition_check import check_partitions
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.core.core_config import CoreConfig, TimeSource
from streams.errors import InputError
from streams.evidence.replay.archive import MANIFEST, Archive
from streams.evidence.replay.market_time import MarketTimeline, market_only, recorded_market, with_record
from streams.evidence.replay.recorded_inputs import ReplayInput, recorded_config, recorded_inputs
from streams.pipeline.feed.infer_instruments import infer_instruments
from streams.pipeline.feed.read_folder import read_folder
from streams.pipeline.feed.table import COLUMNS, LEVEL_COLUMNS, MarketTable
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.log import LogReader
from streams.pipeline.reference.load_config import core_config

ID_CHARS = 16


@dataclass(frozen=True, slots=True)
class InputSource:
    """A source of inputs.

    Attributes:
        name: run id of the recording, id of the files' content, or both.
        config: the configuration that was recorded last, or that of the settings.
        record: the recording; None if only files are read.
        market: market data of files, in place of the recorded market.data.
    """

    name: str
    config: CoreConfig
    record: tuple[LogReader, Codec] | None
    market: MarketTable | None

    def inputs(self, strategies: bool = False) -> Iterable[ReplayInput]:
        """Returns the inputs in the order of their arrival; with strategies or files, in the order of market time."""
        if self.record is None:
            assert self.market is not None
            return market_only(self.market, self.config)
        reader, codec = self.record
        if self.market is not None:
            return with_record(market_only(self.market, self.config), reader, codec, self.config)
        if strategies and self.config.time_source is TimeSource.EVENT:
            return self._market_time(reader, codec)
        return recorded_inputs(reader, codec, self.config)

    def _market_time(self, reader: LogReader, codec: Codec) -> MarketTimeline:
        return with_record(recorded_market(reader, codec, self.config), reader, codec, self.config)


def open_source(
    settings: Settings, folders: Sequence[Path], strategies_only: bool, on_progress: Callable[[str], None]
) -> InputSource:
    """Opens the topics. folders: an archive to read instead, and market data files to read instead of market.data.

    Raises ArchiveError, FeedError, and InputError if nothing was recorded or the folders don't fit together.
    """
    archives = [folder for folder in folders if (folder / MANIFEST).is_file()]
    markets = [folder for folder in folders if folder not in archives]
    if len(archives) > 1 or len(markets) > 1:
        raise InputError("--data: give at most one archive and one folder of market data files")
    market = read_folder(markets[0], on_progress) if markets else None
    if strategies_only:
        if market is None or archives:
            raise InputError("--strategies-only reads no record: give one folder of market data files with --data")
        return InputSource(_files(market), _with_instruments(core_config(settings), market), None, market)
    if archives:
        archive = Archive(archives[0])
        archive.check()
        reader: LogReader = archive
        codec, run_id = Codec(archive), archive.manifest["run_id"]
    else:
        check_partitions(settings)
        reader, codec, run_id = KafkaLogReader(settings), Codec(Registry(settings)), settings.run_id
    config = recorded_config(reader, codec)
    if market is None:
        return InputSource(run_id, config, (reader, codec), None)
    return InputSource(f"{run_id} on {_files(market)}", _with_instruments(config, market), (reader, codec), market)


def _files(market: MarketTable) -> str:
    content = sha256("\0".join(market.symbols).encode())
    for column in ("symbol", *COLUMNS, *LEVEL_COLUMNS):
        content.update(getattr(market, column).tobytes())
    return f"files {content.hexdigest()[:ID_CHARS]}"


def _with_instruments(config: CoreConfig, market: MarketTable) -> CoreConfig:
    """Adds the symbols that the configuration does not know, inferred from the market as `paper demo` does."""
    known = {item.symbol for item in config.instruments}
    added = [item for item in infer_instruments(market) if item.symbol not in known]
    return config.model_copy(update={"instruments": (*config.instruments, *added)}) if added else config
