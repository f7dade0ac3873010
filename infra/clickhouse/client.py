"""Connections to ClickHouse: clickhouse-connect over HTTP, to the local server or a cluster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from infra.clickhouse.users import PAPER, credentials_folder, read_password
from infra.errors import ClickHouseError, SettingsError
from infra.settings import Settings
from infra.short_command import is_silent

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

QUERY_FOLDER = Path(__file__).with_name("queries")
INCLUDE = re.compile(r"^ *-- include (\w+)\n", re.MULTILINE)
"""A line that stands for the part of the same name in the folder `parts`."""
CONNECT_TIMEOUT_S = 10


def connect(settings: Settings, database: str | None = None, user: str = PAPER) -> Client:
    """Returns a client of the pipeline's database, or of another one.

    user: PAPER or READER, whose password stands in PAPER_HOME; if CLICKHOUSE_URL holds a user, that one is taken.
    The client has no session, so threads may share it.

    Raises:
        ClickHouseError: ClickHouse does not answer or refuses the client, or the user's password is missing.
    """
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

    url = urlsplit(settings.clickhouse_url)
    name, password = unquote(url.username or ""), unquote(url.password or "")
    host, port = settings.clickhouse_host_port
    if is_silent((host, port)):
        raise ClickHouseError(
            f"ClickHouse at {host}:{port} does not answer: start the local one with `paper up`, or set CLICKHOUSE_URL "
            "to another"
        )
    if not name:
        try:
            name, password = user, read_password(credentials_folder(settings), user)
        except SettingsError as error:
            raise ClickHouseError(f"ClickHouse at {host}:{port}: {error}") from error
    try:
        return clickhouse_connect.get_client(
            interface=url.scheme,
            host=host,
            port=port,
            username=name,
            password=password,
            database=database or settings.clickhouse_database,
            autogenerate_session_id=False,
            connect_timeout=CONNECT_TIMEOUT_S,
            ca_cert=settings.clickhouse_ca_file or None,
            client_cert=settings.clickhouse_certificate_file or None,
            client_cert_key=settings.clickhouse_key_file or None,
        )
    except DriverError as error:
        raise ClickHouseError(
            f"ClickHouse at {host}:{port}, database {database or settings.clickhouse_database}: {error}. "
            "Start it with `paper up`, or set CLICKHOUSE_URL"
        ) from error


def query_file(name: str) -> str:
    """Returns the SQL of `queries/NAME.sql`, which the command line, the gate and Grafana share.

    Raises:
        FileNotFoundError: there is no such query, or no such part.
    """
    text = (QUERY_FOLDER / f"{name}.sql").read_text()
    whole = INCLUDE.sub(lambda found: (QUERY_FOLDER / "parts" / f"{found[1]}.sql").read_text(), text)
    return whole.rstrip().removesuffix(";")
