"""Random numbers as a function of the run seed and the order, so that any interleaving draws the same."""

from hashlib import blake2b

DRAW_RANGE = 1 << 64


def draws(run_seed: int, account_id: str, order_id: str) -> tuple[int, int, int]:
    """Returns three independent integers, uniform over [0, DRAW_RANGE)."""
    name = f"{run_seed}\0{account_id}\0{order_id}".encode()
    digest = blake2b(name, digest_size=24).digest()
    return (
        int.from_bytes(digest[0:8], "big"),
        int.from_bytes(digest[8:16], "big"),
        int.from_bytes(digest[16:24], "big"),
    )


def draw_below(draw: int, bound: int) -> int:
    """Returns a draw scaled to an integer in [0, bound)."""
    return draw * bound // DRAW_RANGE
