"""Many accounts and symbols, spread evenly over the partitions, and their orders in turn."""

from collections.abc import Iterator, Sequence
from itertools import count, cycle

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import RiskEventKind
from schemas.records.messages import OrderRequest
from streams.errors import ControlRefused
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.journal.partitions import partition_of
from streams.tools.bench.await_records import until_silent
from streams.tools.bench.bench_orders import WIDE_LIMITS, BenchOrder, order_requests, session_opening

PARTITIONS_MAX = 8
ENDLESS = 1 << 60


def balanced_names(prefix: str, per_partition: int) -> list[str]:
    """Returns names that put the same number of keys, per_partition, on each of PARTITIONS_MAX partitions.

    They are balanced over any number of partitions that divides PARTITIONS_MAX.
    """
    found: list[list[str]] = [[] for _ in range(PARTITIONS_MAX)]
    numbers = count(1)
    while any(len(names) < per_partition for names in found):
        name = f"{prefix}{next(numbers)}"
        names = found[partition_of(name, PARTITIONS_MAX)]
        if len(names) < per_partition:
            names.append(name)
    return [name for row in zip(*found, strict=True) for name in row]


def open_sessions(
    settings: Settings, codec: Codec, accounts: Sequence[str], currency: str, limits: str = WIDE_LIMITS
) -> None:
    """Opens a session for each account, and waits until all are open. limits: JSON of a session's limits.

    Raises:
        ControlRefused: a session was refused.
        NoAnswer: no worker answered for SILENCE_S.
    """
    producer = RecordProducer(settings, codec)
    with Follower(settings, codec, ["risk.events"]) as events:
        for account in accounts:
            producer.send("controls", account, session_opening(account, currency)._replace(limits=limits))
        producer.flush()
        waiting = set(accounts)
        for item in until_silent(events):
            if item.message.kind is RiskEventKind.CONTROL_REJECTED:
                raise ControlRefused(item.message.text)
            waiting.discard(item.message.account_id)
            if not waiting:
                return


def orders_in_turn(accounts: Sequence[str], templates: Sequence[BenchOrder]) -> Iterator[OrderRequest]:
    """Yields an order of each account in turn, without end."""
    endless = [order_requests(account, templates, ENDLESS, place) for place, account in enumerate(accounts)]
    return (next(orders) for orders in cycle(endless))
