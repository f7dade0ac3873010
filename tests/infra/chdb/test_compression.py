"""Every content encoding is read back; bodies over the limit and damaged bodies are errors."""

from __future__ import annotations

import pytest

from infra.chdb.compression import ENCODINGS, Decompressor, TooLarge, accepted_encoding, compressor

DATA = bytes(range(256)) * 20_000


def compressed(encoding: str, *parts: bytes) -> bytes:
    stream = compressor(encoding)
    return b"".join([stream.begin(), *(stream.compress(part) for part in parts), stream.flush()])


def decompress(data: bytes, encoding: str, limit: int, piece_bytes: int = 1 << 20) -> bytes:
    stream = Decompressor(encoding, limit)
    pieces = [data[start : start + piece_bytes] for start in range(0, len(data), piece_bytes)]
    found = b"".join(part for piece in pieces for part in stream.feed(piece))
    stream.end()
    return found


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "one byte", "5 MB"])
def test_round_trip(encoding: str, data: bytes) -> None:
    assert decompress(compressed(encoding, data), encoding, len(DATA)) == data


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_in_many_pieces_is_read(encoding: str) -> None:
    body = compressed(encoding, DATA) + compressed(encoding, b"end")
    assert decompress(body, encoding, len(DATA) + 3, 700) == DATA + b"end"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_frames_one_after_another_are_one_body(encoding: str) -> None:
    assert decompress(compressed(encoding, b"one") + compressed(encoding, b"two"), encoding, 100) == b"onetwo"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_is_refused(encoding: str) -> None:
    with pytest.raises(TooLarge):
        decompress(compressed(encoding, DATA), encoding, len(DATA) - 1)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("cut", [3, -1])
def test_a_truncated_body_is_refused(encoding: str, cut: int) -> None:
    with pytest.raises(ValueError, match=r"ends in the middle|damaged"):
        decompress(compressed(encoding, DATA)[:cut], encoding, len(DATA))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rubbish_is_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"damaged|ends in the middle"):
        decompress(b"no compressed data at all", encoding, 100)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(ValueError, match="snappy is unknown; use one of lz4"):
        decompress(b"", "snappy", 100)


@pytest.mark.parametrize(
    ("header", "encoding"),
    [("", None), ("br", None), ("gzip;q=0.5, zstd", "zstd"), ("deflate", "deflate"), ("identity", None)],
)
def test_accepted_encoding(header: str, encoding: str | None) -> None:
    assert accepted_encoding(header) == encoding
