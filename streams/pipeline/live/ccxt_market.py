"""One symbol of a source by ccxt: its subscriptions, and what was last seen of it."""

from dataclasses import dataclass, field
from typing import Any

from streams.pipeline.live.ccxt_agreement import Agreement
from streams.pipeline.live.ccxt_subscription import StreamKind, Subscription
from streams.pipeline.live.ccxt_tape import Tape
from streams.pipeline.live.ccxt_trade_ids import TradeIds
from streams.pipeline.live.source import LiveBook


@dataclass
class CcxtMarket:
    """The state of one symbol. newest_ns: the newest exchange time of a trade."""

    symbol: str
    trade_ids: TradeIds
    subscriptions: dict[StreamKind, Subscription] = field(default_factory=dict)
    tape: Tape = field(default_factory=Tape)
    agreement: Agreement = field(default_factory=Agreement)
    ticker: Any = None
    book: LiveBook | None = None
    newest_ns: int = 0
    is_halted: bool = False
    is_listed: bool = True

    @property
    def is_up(self) -> bool:
        """Returns whether the venue trades the symbol and all of its subscriptions run."""
        return self.is_listed and all(item.is_up for item in self.subscriptions.values())
