"""Random numbers as a function of the run seed and the order, so that any interleaving draws the same."""

from hashlib import blake2b
from struct import Struct
from typing import Final

DRAW_RANGE: Final = 1 << 64
THREE_DRAWS: Final = Struct(">QQQ")


def draws(run_seed: int, account_id: str, order_id: str) -> tuple[int, int, int]:
    """Returns three independent integers, uniform over [0, DRAW_RANGE)."""
    name = f"{run_seed}\0{account_id}\0{order_id}".encode()
    first, second, third = THREE_DRAWS.unpack(blake2b(name, digest_size=THREE_DRAWS.size).digest())
    return first, second, third


def draw_below(draw: int, bound: int) -> int:
    """Returns a draw scaled to an integer in [0, bound)."""
    return draw * bound // DRAW_RANGE
