"""Proof that orders, fills, money and rows agree, from Kafka and from ClickHouse, each by its own way."""

from streams.evidence.reconcile.outcome import Check, Report
from streams.evidence.reconcile.reconcile import reconcile

__all__ = ["Check", "Report", "reconcile"]
