"""The desk as a shard knows it: what it has to report, and which breakers of the desk are open.

The shard of partition 0 judges: it also keeps the last share of each shard, and the breakers of the desk.
"""

from schemas.records.enums import TradingState
from schemas.records.output import State
from streams.core.risk.breakers.breaker_config import DeskConfig
from streams.core.risk.breakers.breaker_set import BreakerSet, DeskStop, Measured

JUDGE = 0
"""The account partition whose shard judges."""
Share = tuple[int, int, int]
"""Equity, opening cash and realised PnL of a shard's accounts, 1e-18 of the desk's currency."""
NOTHING: Share = (0, 0, 0)


class DeskState:
    """Counts since the last share, open breakers of the desk, and the judge's shares and breakers."""

    def __init__(self) -> None:
        self.orders = self.cancels = self.business = self.technical = 0
        self.due_ns = 0
        self.sent: Share = NOTHING
        self.retired: dict[str, int] = {}
        """PnL, 1e-18 and by currency, of sessions that later sessions of their accounts have replaced."""
        self.stops: list[DeskStop] = []
        self.shares: dict[str, Share] = {}
        self.clock_ns = 0
        self.breakers = BreakerSet(latches=True)

    def configure(self, config: DeskConfig, kept: Measured) -> None:
        """Takes the desk's breakers."""
        self.breakers.configure(dict(config.breakers), kept=kept)

    def total(self) -> Share:
        """Returns the sum of all shares."""
        shares = self.shares.values()
        return sum(item[0] for item in shares), sum(item[1] for item in shares), sum(item[2] for item in shares)

    def drop(self, name: str) -> None:
        """Removes the stop of a breaker that is CLOSED again."""
        self.stops[:] = [item for item in self.stops if item.name != name]

    def to_state(self) -> State:
        """Returns the state in JSON-able form."""
        return {
            "counts": [self.orders, self.cancels, self.business, self.technical],
            "due_ns": self.due_ns,
            "sent": list(self.sent),
            "retired": self.retired,
            "stops": [list(item) for item in self.stops],
            "shares": {shard: list(share) for shard, share in self.shares.items()},
            "clock_ns": self.clock_ns,
            "breakers": self.breakers.to_state(),
        }

    def load(self, state: State | None) -> None:
        """Takes a state that to_state returned; None in states older than the desk."""
        if not state:
            return
        self.orders, self.cancels, self.business, self.technical = state["counts"]
        self.due_ns = state["due_ns"]
        self.sent = (state["sent"][0], state["sent"][1], state["sent"][2])
        self.retired = dict(state["retired"])
        self.stops[:] = [DeskStop(name, event, TradingState(when), text) for name, event, when, text in state["stops"]]
        self.shares = {shard: (item[0], item[1], item[2]) for shard, item in state["shares"].items()}
        self.clock_ns = state["clock_ns"]
        self.breakers = BreakerSet.from_state(self.total()[1], state["breakers"], latches=True)
