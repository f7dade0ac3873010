"""Tells whether a pipeline is at rest, by two looks at the ends of its topics."""

import time
from collections.abc import Callable

from streams.errors import NotAtRest
from streams.evidence.reconcile.kafka_checks import CLIENT_WRITTEN_TOPICS
from streams.pipeline.journal.partition_ends import Ends

POLL_S = 0.5
SETTLE_S = 10.0
"""Time that the last records of a pipeline have to come."""
NAMED_MAX = 5


def await_rest(look: Callable[[], Ends], settle_s: float = SETTLE_S) -> Ends:
    """Looks again and again until two looks find the same ends, and returns them. Raises NotAtRest after settle_s."""
    deadline = time.monotonic() + settle_s
    before = look()
    while True:
        time.sleep(POLL_S)
        now = look()
        if now == before:
            return now
        if time.monotonic() > deadline:
            demand_rest(before, now)
        before = now


def demand_rest(before: Ends, now: Ends) -> None:
    """Raises NotAtRest if records were written, and names their partitions, those of clients first.

    now: may have fewer partitions than before.
    """
    grown = {place: end - before[place] for place, end in now.items() if end != before[place]}
    if not grown:
        return
    causes_first = sorted(grown, key=lambda place: (place[0] not in CLIENT_WRITTEN_TOPICS, -grown[place], place))
    told = ", ".join(f"{topic}-{number} (+{grown[topic, number]})" for topic, number in causes_first[:NAMED_MAX])
    more = f" and {len(grown) - NAMED_MAX} more partitions" if len(grown) > NAMED_MAX else ""
    raise NotAtRest(
        f"the pipeline is not at rest: records are being written to {told}{more}; stop feeds and strategies and "
        "reconcile again. `paper replay verify` proves a pipeline that trades"
    )
