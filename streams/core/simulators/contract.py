"""The contract of each kind of part, as a check that any part can be run against: `paper parts check`.

A part is asked a thousand seeded questions. It must answer each the same way twice, and a copy of it the same as
itself, so that a replay decides as the live run did; and its answers must keep the bounds that its protocol states.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import PRICE_SCALE
from streams.core.market.order_book import Book
from streams.core.market.trades import BUYER, SELLER, Print
from streams.core.simulators.fees import Executed
from streams.core.simulators.fill import Skips
from streams.core.simulators.model import Part, PartKind
from streams.core.simulators.slippage import Beyond, Impact
from streams.core.simulators.venue_order import VenueOrder

QUESTIONS = 1_000
UNIT = PRICE_SCALE
Answer = Any


class ContractBroken(Exception):
    """What a part answered, and which rule that breaks."""


def check_part(kind: PartKind, part: Part, questions: int = QUESTIONS) -> None:
    """Asks a part so many questions. Raises ContractBroken."""
    copy = type(part).model_validate(part.model_dump())
    if copy != part:
        raise ContractBroken(f"{part.describe()}: its parameters do not survive being written and read")
    for ask, rule in _questions(kind, Random(0), questions):
        answer = ask(part)
        if ask(part) != answer or ask(copy) != answer:
            raise ContractBroken(f"{part.describe()}: answers {answer} and something else to the same question")
        problem = rule(answer)
        if problem is not None:
            raise ContractBroken(f"{part.describe()}: answers {answer}: {problem}")


Question = tuple[Callable[[Any], Answer], Callable[[Answer], str | None]]


def _questions(kind: PartKind, draw: Random, count: int) -> Iterator[Question]:
    makers = {
        PartKind.FILL: _fill,
        PartKind.QUEUE: _queue,
        PartKind.LATENCY: _latency,
        PartKind.SLIPPAGE: _slippage,
        PartKind.FEE: _fee,
    }
    for number in range(count):
        yield makers[kind](draw, number)


def _size(draw: Random) -> int:
    return draw.choice((draw.randrange(1, 1_000), draw.randrange(1, 10**6))) * draw.choice((UNIT, UNIT // 1000))


def order(side: Side, price: int | None, quantity: int, order_id: str = "o") -> VenueOrder:
    """A working order."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    request = ApprovedOrder(
        Action.NEW, order_id, None, "A", None, "X", side, kind, TimeInForce.GTC, quantity, price, "a", "s", 1, 1
    )
    return VenueOrder(request, quantity, price)


def _fill(draw: Random, _: int) -> Question:
    price, side = draw.randrange(100, 200) * UNIT, draw.choice((Side.BUY, Side.SELL))
    working = order(side, price, _size(draw))
    working.queue_ahead = draw.choice((None, 0, _size(draw)))
    trade = Print(price + draw.randrange(-2, 3) * UNIT, _size(draw), SELLER if side is Side.BUY else BUYER)
    bid = draw.randrange(95, 205) * UNIT
    book = Book()
    book.refresh((bid, _size(draw)), (bid + draw.randrange(0, 3) * UNIT, _size(draw)), 1)
    opposite = book.ask if side is Side.BUY else book.bid

    def ask(part: Any) -> Answer:
        return part.by_trade(working, trade), part.is_met(working, book), getattr(part, "skips", Skips.NOTHING)

    def rule(answer: Answer) -> str | None:
        reached, met, skips = answer
        if not (type(reached) is int and 0 <= reached <= trade.sz):
            return f"by_trade must be a whole number from 0 to the trade's {trade.sz}"
        if met and not working.marketable_at(opposite):
            return f"is_met, though the opposite price {opposite} is beyond the limit {price}"
        if skips is Skips.UNTIL_CROSSED and ((reached and trade.px == price) or (met and opposite == price)):
            return f"it trades at its price {price}, though it says that nothing happens {skips}"
        return None

    return ask, rule


def _queue(draw: Random, _: int) -> Question:
    before, behind = draw.choice((0, _size(draw))), _size(draw)

    def rule(answer: Answer) -> str | None:
        share, total = answer
        whole = type(share) is int and type(total) is int
        return None if whole and total > 0 and 0 <= share <= total else "it must be a probability as two whole numbers"

    return (lambda part: part.from_behind(before, behind)), rule


def _latency(draw: Random, number: int) -> Question:
    request = order(Side.BUY, None, UNIT, f"o{number}").request
    seed, sent_ns = draw.randrange(100), draw.randrange(10**18)

    def rule(answer: Answer) -> str | None:
        found, most = answer
        return None if type(found) is int and 0 <= found <= most else f"it must be whole nanoseconds from 0 to {most}"

    return (lambda part: (part.latency_ns(seed, request, sent_ns), part.most_ns())), rule


def _slippage(draw: Random, _: int) -> Question:
    asked = Beyond(
        _size(draw), draw.randrange(1, 10**5) * UNIT // 100, draw.randrange(100), draw.choice((0, _size(draw)))
    )

    def rule(answer: Answer) -> str | None:
        if not (isinstance(answer, Impact) and all(type(number) is int for number in answer)):
            return "it must be an Impact of two whole numbers"
        if not 0 <= answer.quantity <= asked.quantity:
            return f"quantity must be from 0 to {asked.quantity}"
        return None if answer.slippage >= 0 else "slippage is never in the trader's favour"

    return (lambda part: part.beyond(asked)), rule


def _fee(draw: Random, number: int) -> Question:
    if number == 0:
        nothing = Executed(0, 0, 0, 0, 0)
        return (lambda part: part.order_fee(nothing)), (
            lambda fee: None if fee == 0 else "nothing executed costs nothing"
        )
    added, removed = draw.choice((0, _size(draw))), _size(draw)
    price = draw.randrange(1, 10**5) * UNIT // 100
    executed = Executed(added, added * price, removed, removed * price, draw.randrange(1, 9), _size(draw) * UNIT)

    def rule(fee: Answer) -> str | None:
        return None if type(fee) is int else "a fee must be a whole number of 1e-18"

    return (lambda part: part.order_fee(executed)), rule
