"""How a peer's process is asked and answers: a JSON object each way. Runs in both environments: numpy alone."""

import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


def request() -> dict[str, Any]:
    """What stands on stdin."""
    asked: dict[str, Any] = json.load(sys.stdin)
    return asked


def reply(**numbers: float | str) -> None:
    """Answers with the last line of stdout."""
    print(json.dumps(numbers), flush=True)


def packed(filled: Flags) -> str:
    """One bit an order as text, for an answer."""
    return np.packbits(filled).tobytes().hex()


def unpacked(text: str, count: int) -> Flags:
    """The flags that packed made text of. Raises ValueError where it is not the text of so many."""
    data = np.frombuffer(bytes.fromhex(text), np.uint8)
    if len(data) != -(-count // 8):
        raise ValueError(f"{len(data)} bytes of flags for {count} orders")
    return np.unpackbits(data, count=count).astype(bool)
