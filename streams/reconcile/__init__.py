"""Proof that orders, fills, money and rows agree, from Kafka and from ClickHouse, each by its own way."""

from streams.reconcile.report import Check, Report
from streams.reconcile.run import reconcile

__all__ = ["Check", "Report", "reconcile"]
