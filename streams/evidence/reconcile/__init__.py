"""Proof that orders, fills, money and rows agree, from Kafka and from ClickHouse, each by its own way."""

from streams.evidence.reconcile.reconcile import reconcile
from streams.evidence.reconcile.reconciliation import Check, Reconciliation

__all__ = ["Check", "Reconciliation", "reconcile"]
