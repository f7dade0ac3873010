"""Runs the query files in infra/clickhouse/queries."""

from collections.abc import Mapping
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.clickhouse.client import query_file
from infra.errors import ClickHouseError

Row = dict[str, Any]
"""Values by column name."""


def query_rows(client: Client, query: str, parameters: Mapping[str, Any], subject: str) -> list[Row]:
    """Returns the rows of a query file. subject: what the query is about, for the error message.

    Raises:
        ClickHouseError: ClickHouse does not answer or refuses the query.
    """
    try:
        return list(client.query(query_file(query), parameters=dict(parameters)).named_results())
    except DriverError as error:
        raise ClickHouseError(f"query {query} for {subject}: {error}") from error
