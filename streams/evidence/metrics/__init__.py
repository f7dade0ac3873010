"""Metrics of sessions, accounts and strategies: defined once, computed in ClickHouse."""
