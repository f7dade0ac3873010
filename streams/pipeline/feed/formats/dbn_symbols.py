"""The symbols of a Databento file, by number of the instrument and day, as its metadata map them."""

from bisect import bisect_right
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.records.numbers import NANOS_PER_DAY
from streams.pipeline.feed.table import Ints

EPOCH = date(1970, 1, 1)
DAY_BITS = 20
INSTRUMENT_ID = "instrument_id"


class UnknownInstrument(LookupError):
    """An instrument has no symbol on a day. row: of the first record that has it."""

    def __init__(self, row: int, number: int, day: int) -> None:
        super().__init__(f"instrument {number} has no symbol on {date.fromordinal(EPOCH.toordinal() + day)}")
        self.row = row


class DbnSymbols:
    """The symbols of instruments. An instrument may have another one on another day, as a continuous future has."""

    def __init__(self, metadata: Any) -> None:
        """Takes databento_dbn.Metadata."""
        named_by_number = str(metadata.stype_in) == INSTRUMENT_ID
        intervals: dict[int, list[tuple[int, int, str]]] = {}
        for key, spans in metadata.mappings.items():
            for span in spans:
                if not span["symbol"]:
                    continue
                number, symbol = (key, span["symbol"]) if named_by_number else (span["symbol"], key)
                days = ((span[name] - EPOCH).days for name in ("start_date", "end_date"))
                intervals.setdefault(int(number), []).append((*days, symbol))
        self._intervals = {number: sorted(spans) for number, spans in intervals.items()}

    def of(self, numbers: NDArray[np.uint32], times: Ints) -> tuple[tuple[str, ...], Ints]:
        """Returns the symbols of records, and for each the index of its symbol. times: UTC nanoseconds.

        Raises UnknownInstrument.
        """
        keys = (numbers.astype(np.int64) << DAY_BITS) + times // NANOS_PER_DAY
        pairs, firsts, codes = np.unique(keys, return_index=True, return_inverse=True)
        names = tuple(
            self._symbol(pair >> DAY_BITS, pair & ((1 << DAY_BITS) - 1), row)
            for pair, row in zip(pairs.tolist(), firsts.tolist(), strict=True)
        )
        known = tuple(dict.fromkeys(names))
        return known, np.array([known.index(name) for name in names], np.int64)[codes]

    def _symbol(self, number: int, day: int, row: int) -> str:
        spans = self._intervals.get(number, [])
        place = bisect_right(spans, day, key=lambda span: span[0]) - 1
        if place < 0 or day >= spans[place][1]:
            raise UnknownInstrument(row, number, day)
        return spans[place][2]
