"""Columns of longs to Avro and back by numpy: no Python object for each number, and the bytes that fastavro writes.

Source: the Apache Avro 1.12 specification, "Binary Encoding": a long is zigzag, then 7 bits a byte from the lowest,
with the high bit set in each but the last; an array is blocks of a count and so many items, ended by a count of 0.
"""

import numpy as np
from numpy.typing import NDArray

from schemas.records.messages import Ints

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

LONG_BYTES_MAX = 10
WORD_BYTES = 8
MORE = 0x80
"""Bit of a byte that another one of its number follows."""
WORD = np.dtype("<u8")


def _words(*numbers: int) -> Words:
    return np.array(numbers, WORD)


PAYLOAD, MORES, _ONE = _words(0x7F7F7F7F7F7F7F7F, 0x8080808080808080, 1)
BEYOND = np.uint64(56)
"""Bits in a word's 8 bytes of 7."""
_FIRST_BYTES = (
    _words(*((1 << 8 * count) - 1 for count in range(WORD_BYTES + 1)))[
        np.minimum(np.arange(LONG_BYTES_MAX + 1), WORD_BYTES)
    ]
    & PAYLOAD
)
"""By length of a number, its payload in the first 8 bytes."""
_LANES = tuple(
    (_words(low)[0], _words(low << half)[0], np.uint64(gap))
    for low, half, gap in ((0x007F007F007F007F, 8, 1), (0x00003FFF00003FFF, 16, 2), (0x000000000FFFFFFF, 32, 4))
)
"""Halves of lanes of 16, 32 and 64 bits, and the bits between their contents."""


def zigzag(numbers: Ints) -> Words:
    """Unsigned numbers, small for those near 0."""
    found: Words = ((numbers << 1) ^ (numbers >> 63)).view(WORD)
    return found


def unzigzag(numbers: Words) -> Ints:
    """What zigzag was given."""
    found: Ints = (numbers >> _ONE).view(np.int64) ^ -(numbers & _ONE).view(np.int64)
    return found


def join_groups(groups: Words) -> Words:
    """The 56 bits of 8 bytes that hold 7 each."""
    for low, high, gap in _LANES:
        groups = (groups & low) | ((groups & high) >> gap)
    return groups


def encode_longs(numbers: Ints) -> tuple[Bytes, Ints]:
    """The numbers one behind another, and where each of them ends."""
    rest = zigzag(np.ascontiguousarray(numbers, np.int64))
    groups = rest & _words((1 << 56) - 1)
    for low, high, gap in reversed(_LANES):
        groups = (groups & low) | (groups << gap & high)
    beyond = rest >> BEYOND
    above = (groups >> np.uint64(8)) | ((beyond != 0).astype(WORD) << BEYOND)
    for distance in (8, 16, 32):
        above |= above >> np.uint64(distance)
    # A byte that has anything above it gets the bit: adding 0x7F carries it there.
    followed = ((above & PAYLOAD) + PAYLOAD) & MORES
    table = np.empty((len(rest), LONG_BYTES_MAX), np.uint8)
    table[:, :WORD_BYTES] = (groups | followed)[:, None].view(np.uint8)
    table[:, WORD_BYTES] = beyond
    table[:, WORD_BYTES + 1] = 1
    lengths = np.bitwise_count(followed).astype(np.int64) + 1 + (beyond >= MORE)
    width = int(lengths.max(initial=0))
    if width * len(rest) == lengths.sum():
        return table[:, :width].ravel(), np.arange(1, len(rest) + 1) * width
    return table[np.arange(LONG_BYTES_MAX) < lengths[:, None]], np.cumsum(lengths)


def encode_array(numbers: Ints) -> bytes:
    """An Avro array of longs, as one block."""
    if not len(numbers):
        return b"\x00"
    count, _ = encode_longs(np.array([len(numbers)]))
    items, _ = encode_longs(numbers)
    return b"".join((count.tobytes(), items.tobytes(), b"\x00"))


def decode_longs(buffer: bytes, offset: int, count: int) -> tuple[Ints, int]:
    """So many numbers from an offset on, and the offset behind them.

    Raises EOFError where the buffer ends before, ValueError for a number beyond 64 bits.
    """
    if not count:
        return np.zeros(0, np.int64), offset
    found = _Numbers(buffer[offset : offset + LONG_BYTES_MAX * count], count)
    if len(found.numbers) < count:
        raise EOFError(f"{len(found.numbers)} numbers, not {count}, from byte {offset} of {len(buffer)}")
    return found.numbers, offset + found.end(count)


def decode_arrays(buffer: bytes, offset: int, arrays: int) -> tuple[list[Ints], int]:
    """So many arrays of longs that follow one another, and the offset behind them. Raises as decode_longs does."""
    found = _Numbers(buffer[offset:])
    numbers, place = found.numbers, 0
    columns: list[Ints] = []
    try:
        for _ in range(arrays):
            blocks = []
            while count := int(numbers[place]):
                # A negative count is followed by the size of its block in bytes.
                place += 1 if count > 0 else 2
                blocks.append(numbers[place : place + abs(count)])
                place += abs(count)
            place += 1
            columns.append(blocks[0] if len(blocks) == 1 else np.concatenate([numbers[:0], *blocks]))
    except IndexError:
        raise EOFError(f"{len(columns)} arrays, not {arrays}, from byte {offset} of {len(buffer)}") from None
    return columns, offset + found.end(place)


class _Numbers:
    """All bytes of a buffer as numbers one behind another, whatever they are: the first of them, or all that end."""

    def __init__(self, buffer: bytes, count: int | None = None) -> None:
        padded = np.frombuffer(buffer + bytes(LONG_BYTES_MAX), np.uint8)
        self._ends = np.flatnonzero(padded[: len(buffer)] < MORE)[:count] + 1
        starts = np.concatenate([[0], self._ends[:-1]])[: len(self._ends)]
        self._lengths = self._ends - starts
        # A word at every byte.
        words: Words = np.ndarray((len(padded) - WORD_BYTES,), WORD, padded, strides=(1,))
        groups = words[starts] & _FIRST_BYTES[np.minimum(self._lengths, LONG_BYTES_MAX)]
        groups = join_groups(groups)
        self._wrong = len(self._ends)
        longer = np.flatnonzero(self._lengths > WORD_BYTES)
        if len(longer):
            groups[longer] |= self._beyond(padded, starts[longer], longer)
        self.numbers = unzigzag(groups)

    def _beyond(self, padded: Bytes, starts: Ints, longer: Ints) -> Words:
        """What these numbers have behind their first bytes; notes the first that is too long."""
        lengths = self._lengths[longer]
        ninth = padded[starts + WORD_BYTES].astype(WORD)
        tenth = padded[starts + WORD_BYTES + 1].astype(WORD) * (lengths >= LONG_BYTES_MAX)
        wrong = longer[(lengths > LONG_BYTES_MAX) | (tenth > 1)]
        self._wrong = int(wrong[0]) if len(wrong) else self._wrong
        found: Words = (ninth & _words(MORE - 1)) << BEYOND | tenth << np.uint64(63)
        return found

    def end(self, count: int) -> int:
        """Bytes that the first numbers take; ValueError where one of them is too long."""
        if count > self._wrong:
            raise ValueError(f"number {self._wrong} of a column takes more than 64 bits")
        return int(self._ends[count - 1]) if count else 0
