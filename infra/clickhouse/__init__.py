"""ClickHouse: the local server on chDB, migrations, queries, and the one way to connect."""
