"""Proves that orders, fills, money and rows agree: once from Kafka and once from ClickHouse, independently."""

from streams.evidence.reconcile.reconcile import reconcile
from streams.evidence.reconcile.reconciliation import Check, Reconciliation

__all__ = ["Check", "Reconciliation", "reconcile"]
