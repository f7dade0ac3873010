"""A ClickHouse server with the pipeline's tables, for sessions landed from memory."""

from tests.evidence.reconcile.conftest import client, landed, server_settings

__all__ = ["client", "landed", "server_settings"]
