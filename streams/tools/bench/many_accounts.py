"""Many accounts and symbols, spread evenly over the partitions, and the accounts' orders in turn."""

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
from streams.tools.bench.bench_orders import LIMITS, Ticket, bench_orders, opening

PARTITIONS_MAX = 8
ENDLESS = 1 << 60


def even_names(prefix: str, for_each: int) -> list[str]:
    """So many names for each of PARTITIONS_MAX partitions; as even over any number of them that divides it."""
    found: list[list[str]] = [[] for _ in range(PARTITIONS_MAX)]
    numbers = count(1)
    while any(len(names) < for_each for names in found):
        name = f"{prefix}{next(numbers)}"
        names = found[partition_of(name, PARTITIONS_MAX)]
        if len(names) < for_each:
            names.append(name)
    return [name for row in zip(*found, strict=True) for name in row]


def open_sessions(
    settings: Settings, codec: Codec, accounts: Sequence[str], currency: str, limits: str = LIMITS
) -> None:
    """Opens a session for each account, by default with room for everything, and waits for the last.

    Raises ControlRefused, NoAnswer.
    """
    producer = RecordProducer(settings, codec)
    with Follower(settings, codec, ["risk.events"]) as events:
        for account in accounts:
            producer.send("controls", account, opening(account, currency)._replace(limits=limits))
        producer.flush()
        waiting = set(accounts)
        for item in until_silent(events):
            if item.message.kind is RiskEventKind.CONTROL_REJECTED:
                raise ControlRefused(item.message.text)
            waiting.discard(item.message.account_id)
            if not waiting:
                return


def orders_in_turn(accounts: Sequence[str], chosen: Sequence[Ticket]) -> Iterator[OrderRequest]:
    """Without end: an order of each account, then the next of each."""
    endless = [bench_orders(account, chosen, ENDLESS, place) for place, account in enumerate(accounts)]
    return (next(orders) for orders in cycle(endless))
