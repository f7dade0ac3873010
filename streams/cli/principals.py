"""As whom each command connects to Kafka unless KAFKA_PRINCIPAL says otherwise."""

from __future__ import annotations

from infra.principal import ADMIN, FEED, OPERATOR, PIPELINE, READER, TRADER

PRINCIPALS = {
    "up": ADMIN,
    "prepare": ADMIN,
    "access": ADMIN,
    "demo": ADMIN,
    "bench": ADMIN,
    "chaos": ADMIN,
    "session": OPERATOR,
    "trading-state": OPERATOR,
    "risk": OPERATOR,
    "gate": OPERATOR,
    "orders": TRADER,
    "strategy": TRADER,
    "results": TRADER,
    "positions": TRADER,
    "account": TRADER,
    "feed": FEED,
    "worker": PIPELINE,
    "sink": PIPELINE,
    "supervise": PIPELINE,
    "snapshots": PIPELINE,
    "dlq": PIPELINE,
    "status": READER,
    "exporter": READER,
    "reconcile": READER,
    "replay": READER,
    "archive": READER,
}
"""Other commands do not connect to Kafka: infra/kafka/access.py says what each principal may do there."""
NO_KAFKA = frozenset(
    {
        "down",
        "doctor",
        "instruments",
        "parts",
        "explain",
        "metrics",
        "study",
        "test",
        "check",
        "compile",
        "lint",
        "types",
        "format",
    }
)
