"""Lookup of schemas before records are decoded, in a thread: the event loop never waits for the registry."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from schemas.avro.codec import Codec
from schemas.errors import RegistryUnavailable
from streams.pipeline.journal.raw_records import RawRecord

PAUSE_S = 0.5
PATIENCE_S = 5.0
"""Time without an answer of the registry after which the shard ends: its full queue would hold up other shards."""

log = logging.getLogger(__name__)


class SchemaLookup:
    """The lookup of a shard's schemas. on_answer: called when is_ready() may have another result."""

    def __init__(self, codec: Codec, on_answer: Callable[[], None]) -> None:
        self._codec = codec
        self._on_answer = on_answer
        self._asking: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._waited_s = 0.0

    def is_ready(self, records: Sequence[RawRecord]) -> bool:
        """Returns whether the records, which are of one topic, can be decoded without a request; if not, asks.

        Raises RegistryUnavailable after PATIENCE_S.
        """
        if self._asking is not None:
            return False
        if self._failure is not None:
            raise self._failure
        first = records[0]
        ids = self._codec.unknown_ids(first.topic, [record.value for record in records])
        if ids:
            self._asking = asyncio.create_task(self._ask(first, ids))
        return not ids

    async def _ask(self, first: RawRecord, ids: set[int]) -> None:
        try:
            await asyncio.to_thread(self._codec.learn, first.topic, ids)
            self._waited_s = 0.0
        except RegistryUnavailable as error:
            await self._wait(first, error)
        except Exception as error:
            self._failure = error
        finally:
            self._asking = None
            self._on_answer()

    async def _wait(self, first: RawRecord, error: RegistryUnavailable) -> None:
        if self._waited_s >= PATIENCE_S:
            self._failure = RegistryUnavailable(
                f"a record of {first.topic}-{first.partition} at offset {first.offset} or behind it has a schema that "
                f"is not known here, and {error}; nothing is lost: start the registry, then the worker"
            )
            return
        log.warning("%s-%d waits for the schema registry: %s", first.topic, first.partition, error)
        self._waited_s += PAUSE_S
        await asyncio.sleep(PAUSE_S)

    def close(self) -> None:
        """Stops waiting for an answer."""
        if self._asking is not None:
            self._asking.cancel()
