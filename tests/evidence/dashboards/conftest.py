"""Fixtures: a ClickHouse server with the pipeline's tables, into which sessions are landed from memory."""

from tests.evidence.reconcile.conftest import client, landed, server_settings

__all__ = ["client", "landed", "server_settings"]
