"""Topics, access, schemas and tables of a pipeline, brought up to date on running servers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from infra.clickhouse.migrate import migrate
from infra.kafka.acls import ensure_access
from infra.kafka.durability import ensure_durable
from infra.kafka.topics import ensure_topics
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.server_process import Progress
from schemas.registry import register_all


def prepare_pipeline(settings: Settings, on_progress: Progress = lambda _: None) -> None:
    """Creates what the pipeline lacks of topics, ACLs, schemas and tables. May be called at any time.

    Raises:
        TopicError: a topic differs from its declaration, or its records do not survive the loss of a broker.
        AccessError: the broker refused a principal or an ACL.
        SchemaError: the registry refused a schema.
        MigrationError: the tables differ from the migrations.
    """

    def topics_and_access() -> None:
        ensure_topics(settings)
        for warning in ensure_durable(settings):
            on_progress(f"warning: {warning}")
        ensure_access(settings)

    # Each server does its part at the same time as the others.
    parts: list[Callable[[], object]] = [topics_and_access, partial(register_all, settings), partial(migrate, settings)]
    with ThreadPoolExecutor() as pool:
        working = [pool.submit(part) for part in parts]
    for work in working:
        work.result()


def start_prepared_servers(settings: Settings, on_progress: Progress = lambda _: None) -> None:
    """Starts the local servers and prepares the pipeline on them.

    Raises as local_stack.up and prepare_pipeline do.
    """

    def prepare() -> None:
        prepare_pipeline(settings, on_progress)
        on_progress("topics, schemas and tables are up to date")

    # Within the stack's lock: only one process at a time may migrate the tables.
    local_stack.up(settings, on_progress=on_progress, when_ready=prepare)


def start_servers_with_tables(settings: Settings, on_progress: Progress = lambda _: None) -> None:
    """Starts the local servers and creates the tables, for runs whose topics and schemas are prepared apart.

    Raises as local_stack.up and migrate do.
    """
    local_stack.up(settings, on_progress=on_progress, when_ready=lambda: migrate(settings))
