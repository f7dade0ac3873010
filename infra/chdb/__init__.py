"""The local ClickHouse: chDB behind ClickHouse's HTTP interface."""
