"""A ClickHouse server with the pipeline's tables, for sessions landed from memory."""

from tests.reconcile.conftest import client, landed, server_settings

__all__ = ["client", "landed", "server_settings"]
