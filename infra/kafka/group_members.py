"""The members of a consumer group, as the group's coordinator sees them.

The client is aiokafka: librdkafka's admin client ends the whole process if a broker dies during a group request (its
issue 3663).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

UUID_CHARACTERS = 36


class GroupMember(NamedTuple):
    """A member of a consumer group.

    Attributes:
        name: group.instance.id, or the client id if there is none.
        member_id: given by the broker, another one for each joining.
        client_id: of the client that first joined under the name; the broker keeps it when another one replaces that.
        host: address of that client.
        assignment: partitions, in the form of the consumer protocol; empty during a rebalance.
    """

    name: str
    member_id: str
    client_id: str
    host: str
    assignment: bytes


async def group_members(admin: AIOKafkaAdminClient, group: str) -> list[GroupMember]:
    """Returns the members of a group; none if there is no such group. Raises aiokafka.errors.KafkaError."""
    from aiokafka.errors import for_code

    # One group in each request: aiokafka 0.14 misreads a response with several groups.
    (response,) = await admin.describe_consumer_groups([group])
    ((code, _, _, _, _, described, *_),) = response.groups
    if code:
        raise for_code(code)(f"describing group {group}")
    return [
        # Brokers append a UUID to the name.
        GroupMember(member_id[: -UUID_CHARACTERS - 1], member_id, client_id, host, assignment)
        for member_id, client_id, host, _, assignment in described
    ]
