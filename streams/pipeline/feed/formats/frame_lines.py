"""Lines of recorded frames: the receipt time in nanoseconds, a space, and the JSON as the exchange sent it."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute
from pyarrow import json as arrow_json

from streams.errors import FeedError
from streams.pipeline.feed.formats.file_format import OnBytes
from streams.pipeline.feed.open_packed import opened

BLOCK_BYTES = 1 << 20
LINE_BYTES_MAX = 32 << 20
LINE = r"^[0-9]{19} [{\[].*[}\]]\s*$"
FORM = "a line must be the receipt time in nanoseconds, a space and a frame in JSON"
ROW_OF_ERROR = re.compile(r"in row (\d+)")


def frame_lines(path: Path, on_bytes: OnBytes) -> Iterator[pa.Table]:
    """Yields the lines of a file in blocks: ts_ns, frame (text with its line break) and place. Raises FeedError."""
    first = 1
    for text in _whole_lines(path, on_bytes):
        rows = _split(path, text, first)
        yield rows
        first += len(rows)


def parse_frames(path: Path, rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Returns the fields of a schema from the frames of some lines. Raises FeedError."""
    frames = pa.concat_arrays(rows["frame"].chunks)
    starts = np.frombuffer(frames.buffers()[1], np.int32)[frames.offset :]
    text = frames.buffers()[2].slice(int(starts[0]), int(starts[len(frames)] - starts[0]))
    reading = arrow_json.ReadOptions(use_threads=False, block_size=max(text.size, 1))
    parsing = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        parsed = arrow_json.read_json(pa.BufferReader(text), reading, parsing)
    except pa.ArrowInvalid as error:
        found, places = ROW_OF_ERROR.search(str(error)), rows["place"]
        line = f"line {places[int(found[1])]}" if found else f"lines {places[0]} to {places[-1]}"
        raise FeedError(f"{path}: {line}: {error}; {FORM}") from error
    if len(parsed) != len(rows):
        raise FeedError(f"{path}: lines {rows['place'][0]} to {rows['place'][-1]}: {FORM}")
    return parsed


def _whole_lines(path: Path, on_bytes: OnBytes) -> Iterator[bytes]:
    with opened(path) as (stream, file):
        rest = b""
        while data := stream.read(BLOCK_BYTES):
            rest += data
            cut = rest.rfind(b"\n") + 1
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > LINE_BYTES_MAX:
                raise FeedError(f"{path}: a line is longer than {LINE_BYTES_MAX:,} bytes; {FORM}")
            on_bytes(file.tell())
        if rest:
            yield rest + b"\n"


def _split(path: Path, text: bytes, first: int) -> pa.Table:
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    places = np.arange(first, first + len(ends))
    lines = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(text))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid as error:
        raise FeedError(
            f"{path}: lines {first} to {places[-1]}: the text is not UTF-8; fetch the file again"
        ) from error
    wrong = np.flatnonzero(~compute.match_substring_regex(lines, LINE).to_numpy(zero_copy_only=False))
    if len(wrong):
        raise FeedError(f"{path}: line {places[wrong[0]]}: {FORM}")
    parts = compute.split_pattern(lines, " ", max_splits=1)
    receipts = compute.list_element(parts, 0)
    columns = [receipts.cast(pa.int64()), compute.list_element(parts, 1), places]
    return pa.table(columns, ["ts_ns", "frame", "place"])
