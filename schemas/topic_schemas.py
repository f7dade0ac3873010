"""The schema and the record class of each topic."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from schemas.records import messages
from schemas.records.gate_messages import GateDecision, TestResult
from schemas.records.snapshot_message import Snapshot

SCHEMA_FOLDER = Path(__file__).parent / "avsc"

MESSAGE_CLASSES: dict[str, type[tuple[Any, ...]]] = {
    "orders": messages.OrderRequest,
    "orders.approved": messages.ApprovedOrder,
    "market.data": messages.MarketData,
    "executions": messages.ExecutionReport,
    "order.results": messages.OrderResult,
    "fills": messages.Fill,
    "positions": messages.PositionReport,
    "account.equity": messages.AccountEquity,
    "risk.events": messages.RiskEvent,
    "marks": messages.Mark,
    "controls": messages.Control,
    "desk": messages.DeskReport,
    "orders.live": messages.ApprovedOrder,
    "test.results": TestResult,
    "gate.decisions": GateDecision,
    "journal.accounts": messages.Journal,
    "journal.execution": messages.Journal,
    "snapshots.accounts": Snapshot,
    "snapshots.execution": Snapshot,
}
"""Record class of each topic with a schema."""


@cache
def schema_text(topic: str) -> str:
    """Returns the text of a topic's schema file."""
    return (SCHEMA_FOLDER / f"{topic}.avsc").read_text()


def load_schema(topic: str) -> dict[str, Any]:
    """Returns the schema of a topic as JSON."""
    schema: dict[str, Any] = json.loads(schema_text(topic))
    return schema


def all_topics() -> list[str]:
    """Returns the topics that have a schema, sorted by name."""
    return sorted(path.name.removesuffix(".avsc") for path in SCHEMA_FOLDER.glob("*.avsc"))
