"""`paper shard`: shows the shards, lets one go past a record, and acknowledges its alarms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.command import REASON
from streams.cli.command_group import add_group
from streams.cli.options import JSON_LINES
from streams.cli.shard_names import SHARD, named_shard, owned_by_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from streams.operations.health.health import Health
    from streams.pipeline.journal.owned_shard import OwnedShard
    from streams.pipeline.journal.raw_records import RawRecord

OWN_ATTEMPTS = 3
"""Times that a command takes a shard before it leaves it to the worker that takes it back."""
COLUMNS = ("shard", "owner", "journal", "alarms", "parked", "next_retry")
PLACE = re.compile(r"(.+)-(\d+)@(\d+)")
ACTOR = typer.Option(None, "--actor", help="Name of the person who decides; default: the user of this command.")
YES = typer.Option(False, "--yes", help="Do it without asking.")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "shard",
        "Shows the shards; lets one go past a record that stops it, and ends its alarms.",
        {"list": list_shards, "skip": skip_record, "acknowledge": acknowledge_alarms},
    )


def list_shards(as_json: bool = JSON_LINES) -> None:
    """Lists each shard: worker, number of transactions, quarantined records, and the reason if it is parked.

    Exit code 1 if a shard is parked, or has records that were quarantined or refused as forged.
    """
    from infra.errors import StackError
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.operations.health.health_collector import HealthCollector

    settings = get_settings()
    health = HealthCollector(settings).collect()
    if health.kafka:
        raise StackError(health.kafka)
    print_rows(_rows(settings, health), COLUMNS, as_json)
    if health.parked or health.alarms:
        raise typer.Exit(1)


def _rows(settings: Settings, health: Health) -> list[dict[str, Any]]:
    from infra.kafka.topics import partition_count
    from streams.pipeline.journal.kinds import KINDS
    from streams.pipeline.worker.worker_group import group_id

    group = group_id(settings)
    owners = {(item.topic, item.partition): item.member for item in health.owners if item.group == group}
    journals, parked = {item.shard: item for item in health.journals}, {item.shard: item for item in health.parked}
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        for partition in range(partition_count(settings, kind.journal)):
            shard = kind.shard_name(partition)
            journal, stay = journals.get(shard), parked.get(shard)
            row: dict[str, Any] = {"shard": shard, "owner": owners.get((next(iter(kind.inputs)), partition))}
            row |= {"journal": journal.sequence, "alarms": journal.alarms} if journal else {"journal": 0, "alarms": 0}
            row |= {"parked": stay.reason, "next_retry": _time(stay.next_retry)} if stay else {}
            rows.append(dict.fromkeys(COLUMNS) | row)
    return rows


def _time(seconds: float) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _done_by_owner(settings: Settings, shard: str, act: Callable[[OwnedShard], None]) -> OwnedShard:
    """Owns a shard, does something with it, and gives it up. Begins anew if a worker's retry takes it meanwhile.

    Raises Fenced if that happens OWN_ATTEMPTS times.
    """
    from streams.errors import Fenced

    attempts = OWN_ATTEMPTS
    while True:
        attempts -= 1
        try:
            owned = owned_by_command(settings, shard)
            try:
                act(owned)
            finally:
                owned.close()
        except Fenced:
            if not attempts:
                raise
        else:
            return owned


def skip_record(
    shard: str = SHARD,
    record: str = typer.Option(..., "--record", help="Next record of the shard, as TOPIC-PARTITION@OFFSET."),
    reason: str = REASON,
    actor: str = ACTOR,
    yes: bool = YES,
) -> None:
    """Sends the record at which a shard stands to its dead letters, unread, and ends the shard's alarms.

    A worker that runs the shard takes it back after a session timeout and a half. If the shard is parked, the worker
    takes it back with its next retry.
    """
    from infra.settings import get_settings

    settings = get_settings()
    topic, offset = _place(settings, shard, record)
    _confirm(f"Let {shard} go past {record}? It becomes a dead letter.", yes)
    who_and_why = f"{_name(actor)}: {reason}"
    owned = _done_by_owner(
        settings, shard, lambda owned: owned.skip(_next_record(settings, owned, topic, offset), who_and_why)
    )
    print(f"{shard} is past {record}, which is a dead letter; journal record {owned.processor.sequence} says so")


def acknowledge_alarms(shard: str = SHARD, reason: str = REASON, actor: str = ACTOR, yes: bool = YES) -> None:
    """Ends the alarms of a shard: a person has seen its quarantined records. The dead letters stay.

    A worker that runs the shard takes it back after a session timeout and a half.
    """
    from infra.settings import get_settings

    _confirm(f"End the alarms of {shard}? Its worker is interrupted for some seconds.", yes)
    who_and_why = f"{_name(actor)}: {reason}"
    owned = _done_by_owner(get_settings(), shard, lambda owned: owned.acknowledge(who_and_why))
    print(f"{shard} has no alarms any more; journal record {owned.processor.sequence} says who acknowledged them")


def _place(settings: Settings, shard: str, record: str) -> tuple[str, int]:
    """Returns topic and offset of a record that the shard reads. Raises InputError if it is no such record."""
    from streams.errors import InputError
    from streams.pipeline.reference.load_config import core_config

    kind, own = named_shard(shard, core_config(settings))
    match = PLACE.fullmatch(record)
    if match is None:
        raise InputError(f"record {record!r}: must be TOPIC-PARTITION@OFFSET, such as orders-1@305")
    topic, partition, offset = match[1], int(match[2]), int(match[3])
    if topic not in kind.inputs or partition != own:
        topics = ", ".join(kind.inputs)
        raise InputError(f"record {record}: {shard} does not read it; it reads partition {own} of {topics}")
    return topic, offset


def _next_record(settings: Settings, owned: OwnedShard, topic: str, offset: int) -> RawRecord:
    """Returns the record at which a shard stands. Raises InputError if that is not the record at this offset."""
    from contextlib import closing

    from streams.errors import InputError
    from streams.pipeline.journal.kafka_log import KafkaLogReader

    partition = owned.processor.partition
    with closing(KafkaLogReader(settings).read(topic, partition, owned.position(topic))) as records:
        found = next(records, None)
    if found is None or found.offset != offset:
        stands = found.place if found else f"the end of {topic}-{partition}"
        raise InputError(
            f"record {topic}-{partition}@{offset}: {owned.name} stands at {stands}, so it can't be skipped"
        )
    return found


def _name(actor: str | None) -> str:
    import getpass

    return actor or getpass.getuser()


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)
