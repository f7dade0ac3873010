"""ClickHouse: connections, migrations and query files."""
