"""All file formats that are known."""

from streams.pipeline.feed.formats.binance_dumps import BINANCE_DUMPS
from streams.pipeline.feed.formats.binance_frames import BINANCE_FRAMES
from streams.pipeline.feed.formats.databento import DATABENTO
from streams.pipeline.feed.formats.hftbacktest_npz import HFTBACKTEST
from streams.pipeline.feed.formats.own_files import OWN_COLUMNS, OWN_CSV
from streams.pipeline.feed.formats.tardis import TARDIS

FORMATS = (OWN_CSV, OWN_COLUMNS, TARDIS, BINANCE_DUMPS, BINANCE_FRAMES, HFTBACKTEST, DATABENTO)
"""The formats; of those that know a file, the first is taken."""
