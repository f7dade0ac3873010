"""Metrics of sessions, accounts and strategies: each is defined once and computed in ClickHouse."""
