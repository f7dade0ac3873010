"""A session of three days in memory that gives every report and dashboard something to show."""

from __future__ import annotations

from typing import Any

from schemas.records.enums import Side
from tests import builders
from tests.evidence.reconcile.session import Session

DAY = 24 * 3600
GAINS = (0, 20, -5)
"""Move of the middle between buying and selling on each day, in cents."""


def three_days(name: str = "session-1", **changes: Any) -> Session:
    """Returns account A's session: a round trip in ABC and a refused order each day, a kept position, a dead letter."""
    session = Session(**changes)
    opening = builders.opening("A", session=name, strategy_id="<b>s</b>", instruments="ABC,XYZ", cash="100000")
    session.send("controls", "A", opening)
    session.send_bytes("orders", b"A", b"garbage")
    session.move("20.00", "20.05", symbol="XYZ")
    for day, gain in enumerate(GAINS):
        session.move("10.00", "10.02")
        session.ask(builders.new(f"buy-{day}", Side.BUY, "10"))
        session.move(*(f"{10 + (cents + gain) / 100:.2f}" for cents in (0, 2)))
        session.ask(builders.new(f"sell-{day}", Side.SELL, "10"))
        session.ask(builders.new(f"keep-{day}", Side.BUY, "10", symbol="XYZ"))
        session.ask(builders.new(f"big-{day}", Side.BUY, "900000"))
        session.second += DAY
        session.move("20.00", "20.05", symbol="XYZ")
    session.close_market()
    return session
