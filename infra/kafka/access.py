"""Who may do what on Kafka, declared once; infra/kafka/acls.py makes the cluster match, docs/access.md shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from infra.kafka.topics import BY_NAME, topic_name
from infra.principal import FEED, OPERATOR, PIPELINE, READER, TRADER
from infra.settings import Settings

ALL_TOPICS = tuple(BY_NAME)
PERSONS_DECIDE = ("controls", "gate.decisions", "test.results")


@dataclass(frozen=True)
class Role:
    """What a principal may do; names without TOPIC_PREFIX.

    Attributes:
        purpose: who it is for.
        groups: consumer groups that it may be a member of, beside those whose name begins with `<principal>.`.
        watches: consumer groups whose positions it may see.
        transactions: how the transactional ids that it may take begin.
    """

    purpose: str
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("follower", "reader")
    watches: tuple[str, ...] = ()
    transactions: tuple[str, ...] = ()


WATCHED = ("paper-workers", "sink", "paper-dlq-replay")
ROLES: Mapping[str, Role] = {
    TRADER: Role(
        "strategies and people who trade",
        writes=("orders",),
        reads=("account.equity", "fills", "market.data", "marks", "order.results", "positions"),
    ),
    OPERATOR: Role("risk operators, the gate", PERSONS_DECIDE, ALL_TOPICS, watches=WATCHED),
    FEED: Role("market data", ("market.data",), ("market.data",), groups=("feed", "reader"), transactions=("feed-",)),
    PIPELINE: Role(
        "workers and the sink",
        # Workers forward what a client has put into the wrong partition, controls too.
        writes=tuple(name for name in ALL_TOPICS if name not in ("gate.decisions", "test.results")),
        reads=ALL_TOPICS,
        groups=("reader", *WATCHED),
        transactions=("accounts-", "execution-", "sink-letters", "dlq-replay"),
    ),
    READER: Role("proofs, metrics", reads=ALL_TOPICS, groups=("follower", "reader", "reconcile"), watches=WATCHED),
}
"""The admin is not among them: the broker lets it do everything."""


class Rule(NamedTuple):
    """An ACL that allows something, in the broker's words."""

    principal: str
    resource: str
    pattern: str
    name: str
    operation: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What it is about."""
        return self.resource, self.pattern, self.name


def rules(settings: Settings, principal: str, role: Role) -> set[Rule]:
    """Every ACL of a principal with a role."""

    def found() -> Iterator[Rule]:
        for operation, names in (("READ", role.reads), ("WRITE", role.writes)):
            for name in names:
                yield Rule(f"User:{principal}", "TOPIC", "LITERAL", topic_name(settings, name), operation)
        for operation, names in (("READ", role.groups), ("DESCRIBE", role.watches)):
            for name in names:
                yield Rule(f"User:{principal}", "GROUP", "LITERAL", settings.topic_prefix + name, operation)
        yield Rule(f"User:{principal}", "GROUP", "PREFIXED", f"{settings.topic_prefix}{principal}.", "READ")
        for name in role.transactions:
            yield Rule(f"User:{principal}", "TRANSACTIONAL_ID", "PREFIXED", settings.topic_prefix + name, "WRITE")

    return set(found())
