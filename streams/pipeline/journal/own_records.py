"""The records that a shard has written for itself: its journal and its snapshots. Others are passed over."""

import logging
from collections.abc import Generator
from contextlib import closing
from typing import Any

from schemas.avro.codec import Codec
from schemas.errors import UndecodableRecord
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.raw_records import RawRecord

log = logging.getLogger(__name__)


def own_records(
    topic: str, partition: int, shard: str, reader: LogReader, codec: Codec, first_offset: int = 0
) -> Generator[tuple[RawRecord, Any], None, None]:
    """Yields a shard's records of a topic, each with its message. Warns once of others, and names the first."""
    foreign, first = 0, ""
    with closing(reader.read(topic, partition, first_offset)) as records:
        for record in records:
            try:
                message = codec.decode(topic, record.value or b"")
                complaint = "" if message.shard == shard else f"it names shard {message.shard!r}"
            except UndecodableRecord as error:
                complaint = str(error)
            if complaint:
                foreign, first = foreign + 1, first or f"{record.place}: {complaint}"
            else:
                yield record, message
    if foreign:
        log.warning("%d record(s) are not of shard %s and are passed over, the first at %s", foreign, shard, first)
