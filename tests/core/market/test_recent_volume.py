"""Tests of the recent volume against the sum over all trades."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.records.numbers import NANOS_PER_S
from streams.core.market.trades import WINDOW_S, RecentVolume

STEPS = st.lists(
    st.tuples(st.integers(0, 20 * NANOS_PER_S), st.integers(1, 10**12), st.integers(0, 70 * NANOS_PER_S)), max_size=40
)


@given(STEPS, st.sampled_from([(1, 1), (2, 1), (1, 3)]))
def test_the_volume_is_the_sum_of_the_last_seconds(steps: list[tuple[int, int, int]], split: tuple[int, int]) -> None:
    volume, trades, now_ns = RecentVolume(), [], 0
    for pause_ns, size, wait_ns in steps:
        now_ns += pause_ns
        volume.add(now_ns, size)
        trades.append((now_ns // NANOS_PER_S, size))
        asked_s = (now_ns + wait_ns) // NANOS_PER_S
        assert volume.volume(now_ns + wait_ns) == sum(sz for second, sz in trades if second > asked_s - WINDOW_S)
    by_second: dict[int, int] = {}
    for second, size in trades:
        by_second[second] = by_second.get(second, 0) + size
    volume.split(*split)
    assert RecentVolume.from_state(volume.to_state()).volume(now_ns) == volume.volume(now_ns)
    assert volume.volume(now_ns) == sum(
        size * split[0] // split[1] for second, size in by_second.items() if second > now_ns // NANOS_PER_S - WINDOW_S
    )
