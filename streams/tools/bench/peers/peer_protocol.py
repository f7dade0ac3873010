"""The protocol with a peer's process: one JSON object on stdin, one on stdout.

This module runs in both environments, so it imports numpy alone.
"""

import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


def read_request() -> dict[str, Any]:
    """Returns the request on stdin."""
    request: dict[str, Any] = json.load(sys.stdin)
    return request


def send_answer(**numbers: float | str | list[Any]) -> None:
    """Writes the answer as the last line of stdout."""
    print(json.dumps(numbers), flush=True)


def pack_flags(flags: Flags) -> str:
    """Returns flags as hexadecimal text, one bit each."""
    return np.packbits(flags).tobytes().hex()


def unpack_flags(text: str, count: int) -> Flags:
    """Returns the flags of a text that pack_flags made.

    Raises:
        ValueError: it is not the text of count flags.
    """
    data = np.frombuffer(bytes.fromhex(text), np.uint8)
    if len(data) != -(-count // 8):
        raise ValueError(f"{len(data)} bytes of flags for {count} orders")
    return np.unpackbits(data, count=count).astype(bool)
