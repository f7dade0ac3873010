"""A cut through a run's tables: all that is read together is read up to the same records.

The sink lands the topics one after the other, so that two queries may see different moments. If nothing lands between
the first query and the last, they have seen one. Else all are asked again, and ClickHouse adds a condition to each
table of the run (setting additional_table_filters), in views too.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple, TypeVar

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import connect
from infra.errors import ClickHouseError
from infra.kafka.topics import BY_NAME, DLQ_PREFIX
from infra.settings import Settings
from streams.errors import InputError
from streams.evidence.canonical_hash import canonical_sha256
from streams.pipeline.sink.tables import DEAD_LETTERS, table_of

T = TypeVar("T")
NAME_DIGITS = 12
NO_RECORD = -1
PARTITIONS_MAX = 100_000
"""Partitions that a topic can have at most: a cut holds a number for each."""
TABLES = tuple(table_of(topic) for topic in BY_NAME if not topic.startswith((DLQ_PREFIX, "snapshots.")))


class Cut(NamedTuple):
    """The records of a run up to the last offset of each partition.

    ends: by topic, the last offset of each partition, NO_RECORD for none; of topics with records alone.
    """

    run_id: str
    ends: Mapping[str, Sequence[int]]

    @property
    def name(self) -> str:
        """The name by which the cut can be asked for again, a function of its content."""
        return canonical_sha256([self.run_id, {topic: list(ends) for topic, ends in self.ends.items()}])[:NAME_DIGITS]

    @property
    def line(self) -> str:
        """One line for the person who reads what was read at the cut."""
        return f"run {self.run_id} as of cut {self.name}; --as-of {self.name} reads the same again"

    def filters(self) -> dict[str, str]:
        """Returns, for each table, the condition for its rows: those of the cut, and all of other runs."""
        other = f"run_id != '{_escaped(self.run_id)}'"
        shown: dict[str, list[str]] = {table: [other] for table in (*TABLES, DEAD_LETTERS)}
        for topic, ends in sorted(self.ends.items()):
            within = f"partition < {len(ends)} AND offset <= {list(ends)}[partition + 1]"
            letters = f" AND topic = '{topic}'" if topic.startswith(DLQ_PREFIX) else ""
            shown[table_of(topic)].append(f"({within}{letters})")
        return {table: " OR ".join(conditions) for table, conditions in shown.items()}


def read_at_cut(
    settings: Settings, run_id: str, read: Callable[[Client, Cut], T], as_of: str = "", noted: bool = True
) -> T:
    """Returns what a function reads from a run's tables, all of it at one cut.

    read: may be called twice. as_of: the name of an earlier cut; empty for now. noted: the cut can be asked for again.
    Raises InputError for an unknown cut, ClickHouseError, and as read does.
    """
    with closing(connect(settings)) as client:
        if as_of:
            cut = _known(client, run_id, as_of)
        else:
            cut = landed(client, run_id)
            if noted:
                _note(client, cut)
            found = read(client, cut)
            if landed(client, run_id) == cut:
                return found
        # Records have landed behind the cut. Conditions on each table leave them out, but read no prepared sums.
        filters = ", ".join(f"'{table}': '{_escaped(condition)}'" for table, condition in cut.filters().items())
        client.set_client_setting("additional_table_filters", f"{{{filters}}}")
        return read(client, cut)


def landed(client: Client, run_id: str) -> Cut:
    """Returns the cut of all rows that have landed. Raises ClickHouseError.

    A row of a partition or a topic that Kafka can't have is in no cut: it was inserted by hand.
    """
    possible = f"AND partition BETWEEN 0 AND {PARTITIONS_MAX - 1}"
    parts = [
        f"SELECT '{table}' AS name, partition, max(offset) AS last FROM {table} WHERE run_id = {{run_id:String}} "
        f"{possible} GROUP BY partition"
        for table in TABLES
    ]
    parts.append(
        f"SELECT topic, partition, max(offset) FROM {DEAD_LETTERS} WHERE run_id = {{run_id:String}} "
        f"{possible} GROUP BY topic, partition"
    )
    topics = {table_of(topic): topic for topic in BY_NAME if not topic.startswith(DLQ_PREFIX)}
    ends: dict[str, list[int]] = {}
    try:
        for name, partition, last in client.query(" UNION ALL ".join(parts), {"run_id": run_id}).result_rows:
            topic = topics.get(str(name), str(name))
            if topic not in BY_NAME:
                continue
            known = ends.setdefault(topic, [])
            known += [NO_RECORD] * (partition + 1 - len(known))
            known[partition] = last
    except DriverError as error:
        raise ClickHouseError(f"the cut through run {run_id}: {error}") from error
    return Cut(run_id, ends)


def _note(client: Client, cut: Cut) -> None:
    try:
        client.insert("cuts", [[cut.run_id, cut.name, cut.ends]], ["run_id", "cut", "ends"])
    except DriverError as error:
        raise ClickHouseError(f"noting cut {cut.name} of run {cut.run_id}: {error}") from error


def _known(client: Client, run_id: str, name: str) -> Cut:
    query = "SELECT ends FROM cuts WHERE run_id = {run_id:String} AND cut = {cut:String} LIMIT 1"
    try:
        rows = client.query(query, {"run_id": run_id, "cut": name}).result_rows
    except DriverError as error:
        raise ClickHouseError(f"cut {name} of run {run_id}: {error}") from error
    if not rows:
        raise InputError(
            f"--as-of {name}: run {run_id} has no such cut; each reading command prints the name of its own, such as "
            "`paper session list`"
        )
    return Cut(run_id, rows[0][0])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
