"""Content encodings of ClickHouse's HTTP interface: lz4, zstd, gzip and deflate."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

import lz4.frame

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODINGS = ("lz4", "zstd", "gzip", "deflate")  # The fastest first.
_WINDOWS = {"gzip": 31, "deflate": 15}
_STEP_BYTES = 1 << 20


class TooLarge(Exception):
    """A body is larger than the limit."""


class Compressor(Protocol):
    """A compressor that writes one frame, because many clients read only the first frame of a body."""

    def begin(self) -> bytes:
        """Returns the frame's header, if the library writes it apart from the data."""
        ...

    def compress(self, data: bytes) -> bytes:
        """Returns compressed bytes, maybe of earlier data too."""
        ...

    def flush(self) -> bytes:
        """Returns the rest of the frame."""
        ...


class _Lz4:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor()

    def begin(self) -> bytes:
        return bytes(self._stream.begin())

    def compress(self, data: bytes) -> bytes:
        return bytes(self._stream.compress(data))

    def flush(self) -> bytes:
        return bytes(self._stream.flush())


class _HeaderWithData:
    """A compressor of a library that writes its header together with the first data."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def begin(self) -> bytes:
        return b""

    def compress(self, data: bytes) -> bytes:
        return bytes(self._stream.compress(data))

    def flush(self) -> bytes:
        return bytes(self._stream.flush())


def compressor(encoding: str) -> Compressor:
    """Returns a compressor for one response body. encoding: a name in ENCODINGS."""
    if encoding == "lz4":
        return _Lz4()
    if encoding == "zstd":
        return _HeaderWithData(zstd.ZstdCompressor())
    return _HeaderWithData(zlib.compressobj(level=1, wbits=_WINDOWS[encoding]))


def accepted_encoding(accept_encoding: str) -> str | None:
    """Returns the first of ENCODINGS that an Accept-Encoding header names, or None."""
    offered = {part.split(";")[0].strip() for part in accept_encoding.split(",")}
    return next((name for name in ENCODINGS if name in offered), None)


class Decompressor:
    """Decompresses a request's body, which may have several frames, piece by piece.

    Raises ValueError if the encoding is unknown.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self.compressed = encoding not in ("", "identity")
        if self.compressed and encoding not in ENCODINGS:
            raise ValueError(f"Content-Encoding {encoding} is unknown; use one of {', '.join(ENCODINGS)}")
        self._encoding = encoding
        self._room = limit
        self._frame: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields what a piece of the body holds, at most a mebibyte at a time.

        Raises:
            TooLarge: the whole body would exceed the limit.
            ValueError: the data is damaged.
        """
        if not self.compressed:
            yield self._within_limit(data)
            return
        holds_more = False
        try:
            while data or holds_more:
                frame = self._frame = self._frame or _decompressor(self._encoding)
                part = frame.decompress(data, _STEP_BYTES)
                yield self._within_limit(part)
                holds_more = bool(part) and not frame.eof
                # zlib returns the input that it has not read yet; the other libraries keep it.
                data = (frame.unused_data if frame.eof else getattr(frame, "unconsumed_tail", b"")) or b""
                if frame.eof:
                    self._frame = None
        except (zlib.error, zstd.ZstdError, RuntimeError) as error:
            raise ValueError(f"the compressed body is damaged: {error}") from error

    def end(self) -> None:
        """Raises ValueError if the last frame is not complete."""
        if self._frame is not None:
            raise ValueError("the compressed body ends in the middle")

    def _within_limit(self, part: bytes) -> bytes:
        self._room -= len(part)
        if self._room < 0:
            raise TooLarge
        return part


def _decompressor(encoding: str) -> Any:
    if encoding == "lz4":
        return lz4.frame.LZ4FrameDecompressor()
    if encoding == "zstd":
        return zstd.ZstdDecompressor()
    return zlib.decompressobj(wbits=_WINDOWS[encoding])
