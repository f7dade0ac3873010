"""The status of a live strategy: its numbers, and how it stands on a terminal and in a log."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from typing import Any

from schemas.records.enums import Side
from schemas.records.messages import OrderResult
from streams.cli.live_status import LiveStatus, status_text
from streams.core.reference.instruments import Instrument
from streams.strategies.live_tally import LiveTally
from streams.strategies.strategy import Tick
from tests.builders import START, instrument, money, px
from tests.strategies.event_markets import book_market, traded
from tests.strategies.test_event_strategies import examples


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def tally(**positions: int) -> LiveTally:
    return LiveTally({"ABC": Instrument.from_config(instrument("ABC"))}, positions)


def tick(bid: str, ask: str) -> Tick:
    return Tick(px(bid), px("1"), px(ask), px("1"), START)


def fill(side: Side, quantity: str, price: str, commission: str) -> OrderResult:
    _, store = traded(book_market(3, seconds=2), {"P": examples()["twap"]})
    made: OrderResult = next(item for item in store.messages("order.results") if item.last_qty)
    changes: dict[str, Any] = {"side": side, "last_qty": px(quantity), "last_px": px(price)}
    return made._replace(**changes, commission=money(commission), ts=START)


def test_profit_counts_fills_commissions_and_what_is_held() -> None:
    found = tally(ABC=px("5"))
    assert found.profit is None, "nobody knows yet what the five are worth"
    found.mark("ABC", tick("9", "11"))
    assert found.profit == 0
    found.add(fill(Side.SELL, "2", "12", "0.5"))
    assert found.fills == 1
    assert found.profit == Decimal("3.5"), "sold 2 above the mid price of 10"
    found.mark("ABC", tick("19", "21"))
    assert found.profit == Decimal("33.5"), "three that are held have won 10 each"


def test_an_answer_given_again_is_no_fill() -> None:
    found = tally()
    found.mark("ABC", tick("9", "11"))
    found.add(fill(Side.BUY, "2", "12", "0")._replace(poss_resend=True))
    assert found.fills == 0
    assert found.profit == 0


def test_a_line_fits_a_terminal() -> None:
    found = tally()
    found.mark("ABC", tick("9", "11"))
    text = status_text(found, 123_456, 12.34)
    assert text.endswith("orders 123,456  fills 0  PnL +0.00  12.3 orders/s")
    assert len(text) < 80
    assert status_text(tally(), 0, 0).startswith("no market yet")


def lines(stream: StringIO, seconds: list[float]) -> str:
    """Returns what is written by a call at each of these times; the run sends an order between two calls."""
    runner: Any = SimpleNamespace(requests=0)
    now = [0.0]
    status = LiveStatus(runner, tally(), stream, lambda: now[0])
    for now[0] in seconds:
        runner.requests += 1
        status.show()
    status.end()
    return stream.getvalue()


def test_a_terminal_has_one_line_that_is_written_again() -> None:
    written = lines(Terminal(), [0.1, 0.3, 0.4, 0.7])
    assert written.count("\r\x1b[K") == 3, "two in the run and the last one"
    assert written.endswith("\n")
    assert written.count("\n") == 1
    assert "orders 2 " in written
    assert "orders 4 " in written


def test_a_log_has_plain_lines_and_few_of_them() -> None:
    written = lines(StringIO(), [1.0, 5.0, 10.0, 11.0, 20.0])
    assert "\r" not in written
    assert [line.partition("  ")[2].partition("  ")[0] for line in written.splitlines()] == ["orders 3", "orders 5"]
