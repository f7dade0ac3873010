"""Content encodings of ClickHouse's HTTP interface: gzip, deflate, lz4 and zstd."""

from __future__ import annotations

import sys
import zlib
from typing import Any, Protocol

import lz4.frame

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODINGS = ("lz4", "zstd", "gzip", "deflate")  # In the order of preference: the fastest first.
_WINDOWS = {"gzip": 31, "deflate": 15}
_STEP_BYTES = 1 << 20


class TooLarge(Exception):
    """A body holds more than the limit."""


class Compressor(Protocol):
    """One stream, one frame: many clients read no second one."""

    def begin(self) -> bytes: ...
    def compress(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...


class _Lz4:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor()

    def begin(self) -> bytes:
        return bytes(self._stream.begin())

    def compress(self, data: bytes) -> bytes:
        return bytes(self._stream.compress(data))

    def flush(self) -> bytes:
        return bytes(self._stream.flush())


class _Headless:
    """A stream of a library that writes its header with the first data."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def begin(self) -> bytes:
        return b""

    def compress(self, data: bytes) -> bytes:
        return bytes(self._stream.compress(data))

    def flush(self) -> bytes:
        return bytes(self._stream.flush())


def compressor(encoding: str) -> Compressor:
    """A compressor for one response body, by one of the names in ENCODINGS."""
    if encoding == "lz4":
        return _Lz4()
    if encoding == "zstd":
        return _Headless(zstd.ZstdCompressor())
    return _Headless(zlib.compressobj(level=1, wbits=_WINDOWS[encoding]))


def accepted_encoding(accept_encoding: str) -> str | None:
    """The best of ours that an Accept-Encoding header names."""
    offered = {part.split(";")[0].strip() for part in accept_encoding.split(",")}
    return next((name for name in ENCODINGS if name in offered), None)


def decompress(data: bytes, encoding: str, limit: int) -> bytes:
    """A request's body, decompressed; several frames one after another are one body.

    Raises:
        TooLarge: the result would exceed `limit` bytes.
        ValueError: unknown encoding, or damaged or truncated data.
    """
    if encoding in ("", "identity"):
        return data
    if encoding not in ENCODINGS:
        raise ValueError(f"Content-Encoding {encoding} is unknown; use one of {', '.join(ENCODINGS)}")
    parts: list[bytes] = []
    room = limit
    while data:
        frame, data = _read_frame(_decompressor(encoding), data, room)
        room -= sum(map(len, frame))
        parts += frame
    return b"".join(parts)


def _decompressor(encoding: str) -> Any:
    if encoding == "lz4":
        return lz4.frame.LZ4FrameDecompressor()
    if encoding == "zstd":
        return zstd.ZstdDecompressor()
    return zlib.decompressobj(wbits=_WINDOWS[encoding])


def _read_frame(stream: Any, data: bytes, room: int) -> tuple[list[bytes], bytes]:
    """One frame's contents, and what follows it."""
    parts: list[bytes] = []
    try:
        while not stream.eof:
            part = stream.decompress(data, _STEP_BYTES)
            # zlib hands back what it did not get to; the others keep it themselves.
            data = getattr(stream, "unconsumed_tail", b"")
            if not part and not data and not stream.eof:
                raise ValueError("the compressed body ends in the middle")
            parts.append(part)
            room -= len(part)
            if room < 0:
                raise TooLarge
    except (zlib.error, zstd.ZstdError, RuntimeError) as error:
        raise ValueError(f"the compressed body is damaged: {error}") from error
    return parts, stream.unused_data or b""
