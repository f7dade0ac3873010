"""The local ClickHouse server: the chDB engine behind ClickHouse's HTTP interface."""
