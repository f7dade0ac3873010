"""The register of exported archives in ClickHouse: by the recorded hash of its manifest, a forged one is found out."""

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from infra.errors import ClickHouseError
from streams import __version__
from streams.evidence.query_rows import Row, query_rows
from streams.evidence.replay.archive import Archive

COLUMNS = ("run_id", "manifest_sha256", "records", "files", "code_version")


def record_archive(client: Client, archive: Archive) -> None:
    """Records an archive with the hash of its manifest. Raises ClickHouseError."""
    files = archive.manifest["files"]
    run_id, records = archive.manifest["run_id"], sum(item["records"] for item in files)
    try:
        client.insert("archives", [[run_id, archive.sha256, records, len(files), __version__]], COLUMNS)
    except DriverError as error:
        raise ClickHouseError(f"recording the archive of run {run_id}: {error}") from error


def recorded_archives(client: Client) -> list[Row]:
    """Returns the archives that were exported, newest first. Raises ClickHouseError."""
    return query_rows(client, "archives", {}, "all runs")
