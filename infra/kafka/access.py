"""The access rights on Kafka by role. infra/kafka/acls.py applies them to the cluster; docs/access.md lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from infra.kafka.topics import BY_NAME, topic_name
from infra.principal import FEED, OPERATOR, PIPELINE, READER, SERVICE, TRADER
from infra.settings import Settings

ALL_TOPICS = tuple(BY_NAME)
PERSONS_DECIDE = ("controls", "gate.decisions", "test.results")


@dataclass(frozen=True)
class Role:
    """The rights of a principal; names without TOPIC_PREFIX.

    Attributes:
        purpose: the users of the role.
        writes: topics that it may write.
        reads: topics that it may read.
        groups: consumer groups that it may join, besides those whose name begins with `<principal>.`.
        watches: consumer groups whose offsets it may read.
        transactions: prefixes of the transactional ids that it may use.
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
        reads=("account.equity", "fills", "market.data", "marks", "order.results", "orders", "positions"),
    ),
    SERVICE: Role(
        "the HTTP service",
        # Operators stop and resume accounts through it, and its pages show shards, breakers and the gate.
        writes=("controls", "orders"),
        reads=ALL_TOPICS,
        watches=WATCHED,
    ),
    OPERATOR: Role(
        "risk operators, the gate",
        PERSONS_DECIDE,
        ALL_TOPICS,
        # An evaluation of the gate reconciles.
        groups=("follower", "reader", "reconcile"),
        watches=WATCHED,
    ),
    FEED: Role("market data", ("market.data",), ("market.data",), groups=("feed", "reader"), transactions=("feed-",)),
    PIPELINE: Role(
        "workers and the sink",
        # Workers forward records that a client has sent to the wrong partition, even controls.
        writes=tuple(name for name in ALL_TOPICS if name not in ("gate.decisions", "test.results")),
        reads=ALL_TOPICS,
        groups=("reader", *WATCHED),
        transactions=("accounts-", "execution-", "sink-letters", "dlq-replay"),
    ),
    READER: Role("proofs, metrics", reads=ALL_TOPICS, groups=("follower", "reader", "reconcile"), watches=WATCHED),
}
"""The role of each principal. The admin has none: the broker allows it everything."""


class Rule(NamedTuple):
    """An ACL that allows an operation, in the broker's terms."""

    principal: str
    resource: str
    pattern: str
    name: str
    operation: str

    @property
    def place(self) -> tuple[str, str, str]:
        """The resource type, pattern type and name that the rule applies to."""
        return self.resource, self.pattern, self.name


def rules(settings: Settings, principal: str, role: Role) -> set[Rule]:
    """Returns all ACLs of a principal with a role."""

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
