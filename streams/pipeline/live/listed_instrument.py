"""An instrument as a venue defines it."""

from typing import NamedTuple

from streams.core.reference.declarations import InstrumentConfig


class ListedInstrument(NamedTuple):
    """An instrument of an exchange. remarks: what the reference data can't say, for people."""

    instrument: InstrumentConfig
    remarks: tuple[str, ...]
