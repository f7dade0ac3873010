"""A warm-up: a strategy begins with the past that it declares, and sends nothing during it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.records.messages import OrderRequest
from streams.core.reference.instruments import Instrument
from streams.errors import InputError, StrategyFailed
from streams.strategies.event_strategy import Strategy
from streams.strategies.market_bars import MarketBar
from streams.strategies.market_view import QuoteEvent, updates_of
from streams.strategies.participant import Participant, make_participant
from streams.strategies.strategy_config import StrategyConfig
from tests.builders import MS, START, instrument, quote


class WarmProbe(Strategy):
    """A strategy that buys at each quote when it is warm, or at once if it is hasty."""

    warm_up_s = "0.5"
    newest: WarmProbe

    class Parameters(Strategy.Parameters):
        """The parameters."""

        is_hasty: bool = False

    def on_start(self) -> None:
        WarmProbe.newest = self
        self.quotes: list[tuple[int, bool]] = []
        self.bars: list[MarketBar] = []
        self.started_ns = self.now_ns
        self.start_bars(self.symbol, "0.1")

    def on_quote(self, quote: QuoteEvent) -> None:
        self.quotes.append((quote.ts, self.is_warm))
        if self.is_warm or self.parameters.is_hasty:
            self.buy(self.symbol, 1)

    def on_bar(self, bar: MarketBar) -> None:
        self.bars.append(bar)


def probe(**parameters: Any) -> Participant:
    config = StrategyConfig(strategy=f"{__name__}:WarmProbe", symbol="ABC", parameters=parameters)
    return make_participant("A", config, {"ABC": Instrument.from_config(instrument("ABC"))}, 1)


def shown(participant: Participant, *times_ms: int) -> list[OrderRequest]:
    """Shows quotes live, and returns the requests."""
    found: list[OrderRequest] = []
    for time_ms in times_ms:
        for update in updates_of(quote(at=START + time_ms * MS)):
            found += participant.on_update("ABC", update, update.ts)
    return found


def test_it_begins_with_the_past_and_sends_nothing_then() -> None:
    participant = probe()
    past = [quote(at=START + time_ms * MS) for time_ms in (500, 100, 300, 50)]
    assert participant.show_past(past, START + 100 * MS) == 3
    assert participant.warm_up_ns == 500 * MS
    orders = shown(participant, 590, 610)
    strategy = WarmProbe.newest
    assert strategy.started_ns == START + 100 * MS
    assert [((ts - START) // MS, is_warm) for ts, is_warm in strategy.quotes] == [
        *((100, False), (300, False), (500, False)),
        *((590, False), (610, True)),
    ]
    assert [order.ts for order in orders] == [START + 610 * MS]
    assert [(bar.start_ns - START) // MS for bar in strategy.bars] == [100, 300, 500]


def test_without_a_past_it_waits_for_as_much_of_the_market() -> None:
    assert [order.ts for order in shown(probe(), 0, 200, 499, 500)] == [START + 500 * MS]


def test_what_comes_after_the_first_live_update_is_no_past() -> None:
    participant = probe()
    participant.show_past([quote(at=START), quote(at=START + 900 * MS)], 0)
    shown(participant, 600)
    assert [(ts - START) // MS for ts, _ in WarmProbe.newest.quotes] == [0, 600]


def test_an_order_in_the_warm_up_is_an_error_that_says_so() -> None:
    with pytest.raises(StrategyFailed, match=r"on_quote: InputError: request A-1: .* ask self.is_warm first; at "):
        shown(probe(is_hasty=True), 0)


def test_a_strategy_that_fails_in_its_warm_up_still_cancels() -> None:
    participant = probe(is_hasty=True)
    with pytest.raises(StrategyFailed):
        shown(participant, 0)
    assert [request.action for request in participant.after_error(START)] == ["MASS_CANCEL"]


@pytest.mark.parametrize("span", [-1, "x", Decimal("NaN"), 10**9])
def test_a_span_out_of_bounds_is_refused(span: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WarmProbe, "warm_up_s", span)
    with pytest.raises(InputError, match="warm_up_s"):
        _ = probe().warm_up_ns
