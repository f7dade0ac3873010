"""The one way to ClickHouse: clickhouse-connect over HTTP, to the local server and to a cluster alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from infra.errors import ClickHouseError
from infra.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

QUERY_FOLDER = Path(__file__).with_name("queries")
CONNECT_TIMEOUT_S = 10


def connect(settings: Settings, database: str | None = None) -> Client:
    """A client on the pipeline's database, or on another. CLICKHOUSE_URL may carry user and password.

    It has no session, so threads may share it.

    Raises:
        ClickHouseError: nothing answers, or it refuses the client.
    """
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

    url = urlsplit(settings.clickhouse_url)
    host, port = settings.clickhouse_host_port
    try:
        return clickhouse_connect.get_client(
            interface=url.scheme,
            host=host,
            port=port,
            username=unquote(url.username or "default"),
            password=unquote(url.password or ""),
            database=database or settings.clickhouse_database,
            autogenerate_session_id=False,
            connect_timeout=CONNECT_TIMEOUT_S,
        )
    except DriverError as error:
        raise ClickHouseError(
            f"ClickHouse at {host}:{port}, database {database or settings.clickhouse_database}: {error}. "
            "Start it with `paper up`, or set CLICKHOUSE_URL"
        ) from error


def query_file(name: str) -> str:
    """The SQL of `queries/NAME.sql`, which CLI, gate, console and Grafana share.

    Raises:
        FileNotFoundError: there is no such query.
    """
    return (QUERY_FOLDER / f"{name}.sql").read_text().rstrip().removesuffix(";")
