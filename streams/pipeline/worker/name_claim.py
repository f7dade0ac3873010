"""A worker's claim to its name in the consumer group, which one living process at a time may have.

Kafka gives the place of a static member to whoever joins under its name last. If two workers with one WORKER_ID both
joined again whenever they lost it, they would take it from each other for ever. So each worker asks first:

    nobody has the name               join
    a process of this machine that
    has ended has it                  join: this is its restart, and the group has not missed it yet
    anybody else has it               wait until a dead one's session must have timed out; then it lives, and this
                                      worker ends
"""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from infra.kafka.client_config import aiokafka_options
from infra.kafka.group_members import GroupMember, group_members
from infra.membership import describe_client, has_ended_here
from infra.settings import Settings
from streams.errors import WorkerIdClash

POLL_S = 0.5
REQUEST_TIMEOUT_MS = 5_000

log = logging.getLogger(__name__)


class NameClaim:
    """The claim of this process.

    Args:
        group: the consumer group.
        name: group.instance.id of this worker.
        patience_s: longer than the session timeout, so that the group has dropped a member that is dead.
    """

    def __init__(self, settings: Settings, group: str, name: str, patience_s: float) -> None:
        self._settings = settings
        self._group = group
        self._name = name
        self._patience_s = patience_s
        self._own_ids: set[str] = set()

    def note(self, member_id: str) -> None:
        """Notes an id that the broker has given to this process as a member."""
        self._own_ids.add(member_id)

    async def free(self, is_stopping: Callable[[], bool]) -> bool:
        """Waits until this process may join under its name. Returns False if it is stopping.

        If Kafka can't be asked for patience_s, joining finds out.

        Raises:
            WorkerIdClash: another living process has the name.
        """
        deadline = monotonic() + self._patience_s
        warned = False
        while not is_stopping():
            holder = None
            try:
                holder = await self._holder()
            except (KafkaError, TimeoutError) as error:
                log.info("who is a member of %s can't be told: %s", self._group, error)
            else:
                if holder is None or has_ended_here(holder.client_id):
                    return True
            if monotonic() > deadline:
                if holder is not None:
                    raise self._clash(holder)
                return True
            if holder is not None and not warned:
                log.warning("%s is a member already: %s; waiting until it leaves", self._name, _place(holder))
                warned = True
            await asyncio.sleep(POLL_S)
        return False

    async def _holder(self) -> GroupMember | None:
        """Returns the member that has the name and is not this process."""
        admin = AIOKafkaAdminClient(**aiokafka_options(self._settings), request_timeout_ms=REQUEST_TIMEOUT_MS)
        try:
            await admin.start()
            members = await group_members(admin, self._group)
        finally:
            await admin.close()
        return next((m for m in members if m.name == self._name and m.member_id not in self._own_ids), None)

    def _clash(self, holder: GroupMember) -> WorkerIdClash:
        return WorkerIdClash(
            f"worker {self._name}: another living worker has this name in group {self._group}: {_place(holder)}; stop "
            "that one, or give this one another WORKER_ID"
        )


def _place(member: GroupMember) -> str:
    return f"{describe_client(member.client_id)}, connected from {member.host.lstrip('/')}"
