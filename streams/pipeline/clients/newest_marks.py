"""The newest quotes of symbols, read from the end of the topic marks."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from schemas.errors import UndecodableRecord
from schemas.records.enums import MarkKind
from streams.core.ledger.marks import Marks
from streams.pipeline.journal.kafka_log import KafkaLogReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.settings import Settings
    from schemas.avro.codec import Codec
    from schemas.records.messages import Mark
    from streams.pipeline.journal.raw_records import RawRecord

TOPIC, ANY_PARTITION = "marks", 0
"""Each partition of the topic has a copy of every mark."""
FIRST_RECORDS, GROWTH = 500, 8


def newest_marks(settings: Settings, codec: Codec, symbols: Collection[str]) -> Marks:
    """Returns the last quotes of symbols, without instruments, as newest_quotes finds them. Raises LogUnavailable."""
    marks = Marks()
    found = newest_quotes(settings, codec, symbols)
    marks.quotes = {symbol: (mark.bid_px, mark.ask_px) for symbol, mark in found.items()}
    return marks


def newest_quotes(settings: Settings, codec: Codec, symbols: Collection[str]) -> dict[str, Mark]:
    """Returns the last quote by symbol. Reads back from the topic's end until all are found.

    A symbol that was never quoted, or not since its last split, has none. Raises LogUnavailable.
    """
    reader, count = KafkaLogReader(settings), FIRST_RECORDS
    found: dict[str, Mark] = {}
    while symbols:
        tail = reader.tails({(TOPIC, ANY_PARTITION): count})[TOPIC, ANY_PARTITION]
        found, seen = _quotes(codec, tail.records)
        if tail.whole or seen.issuperset(symbols):
            break
        count *= GROWTH
    return {symbol: mark for symbol, mark in found.items() if symbol in symbols}


def _quotes(codec: Codec, records: Iterable[RawRecord]) -> tuple[dict[str, Mark], set[str]]:
    """Returns the last quote by symbol, and the symbols that have a mark of any kind."""
    quotes: dict[str, Mark] = {}
    seen: set[str] = set()
    for record in records:
        if record.value is None:
            continue
        try:
            mark: Mark = codec.decode(TOPIC, record.value)
        except UndecodableRecord:
            continue
        seen.add(mark.symbol)
        if mark.kind is MarkKind.QUOTE:
            quotes[mark.symbol] = mark
        elif mark.kind is MarkKind.SPLIT:
            quotes.pop(mark.symbol, None)
    return quotes, seen
