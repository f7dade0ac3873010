"""Where a re-simulation reads from: the topics of the pipeline, or an archive of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from infra.settings import Settings
from schemas.codec import Codec
from schemas.registry import Registry
from streams.domain.config import CoreConfig
from streams.journal.kafka_log import KafkaLogReader
from streams.journal.log import LogReader
from streams.replay.archive import Archive
from streams.replay.inputs import Input, recorded_config, recorded_inputs


class Source(NamedTuple):
    """A recorded pipeline. run_id: under which its own rows stand in ClickHouse; config: as recorded last."""

    reader: LogReader
    codec: Codec
    run_id: str
    config: CoreConfig

    def inputs(self) -> Iterator[Input]:
        """What came from outside, in order."""
        return recorded_inputs(self.reader, self.codec, self.config)


def open_source(settings: Settings, archive: Path | None) -> Source:
    """The topics, or an archive. Raises ArchiveError, InputError where nothing was recorded."""
    if archive is None:
        reader: LogReader = KafkaLogReader(settings)
        codec, run_id = Codec(Registry(settings)), settings.run_id
    else:
        found = Archive(archive)
        found.check()
        reader, codec, run_id = found, Codec(found), found.manifest["run_id"]
    return Source(reader, codec, run_id, recorded_config(reader, codec))
