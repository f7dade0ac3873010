"""Names the principal as which each command connects to Kafka, unless KAFKA_PRINCIPAL names another."""

from __future__ import annotations

from infra.principal import ADMIN, FEED, OPERATOR, PIPELINE, READER, SERVICE, TRADER

PRINCIPALS = {
    "up": ADMIN,
    "prepare": ADMIN,
    "access": ADMIN,
    "demo": ADMIN,
    "bench": ADMIN,
    "chaos": ADMIN,
    "drill": ADMIN,
    "session": OPERATOR,
    "trading-state": OPERATOR,
    "risk": OPERATOR,
    "gate": OPERATOR,
    "orders": TRADER,
    "strategy": TRADER,
    "results": TRADER,
    "serve": SERVICE,
    "positions": TRADER,
    "quotes": TRADER,
    "account": TRADER,
    "feed": FEED,
    "worker": PIPELINE,
    "sink": PIPELINE,
    "supervise": PIPELINE,
    "snapshots": PIPELINE,
    "shard": PIPELINE,
    "dlq": PIPELINE,
    "status": READER,
    "top": READER,
    "exporter": READER,
    "notify": READER,
    "reconcile": READER,
    "replay": READER,
    "archive": READER,
    "backup": ADMIN,
    "restore": ADMIN,
}
"""The principal of each command that connects to Kafka; infra/kafka/access.py declares their rights."""
LONG = frozenset(
    {
        "up",
        "prepare",
        "restore",
        "demo",
        "bench",
        "chaos",
        "drill",
        "worker",
        "sink",
        "supervise",
        "exporter",
        "status",
        "notify",
    }
)
"""Commands that start Kafka, wait for it or report on it; all others end at once if it is not there."""
RUN_BY_SUPERVISOR = frozenset({"supervise", "worker", "sink"})
"""Commands that are the running pipeline."""
DEVELOP = frozenset({"test", "check", "compile", "lint", "types", "format", "sbom"})
"""Commands that read no setting."""
NO_KAFKA = DEVELOP | {
    "down",
    "doctor",
    "passwords",
    "instruments",
    "parts",
    "convert",
    "explain",
    "export",
    "metrics",
    "study",
}
"""Commands that do not connect to Kafka."""
