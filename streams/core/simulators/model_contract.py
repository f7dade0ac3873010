"""The contract of each kind of execution model, as a check that any model can be run against: `paper parts check`.

The check asks a model a thousand seeded questions. The model must give the same answer twice, and a copy of it must
give the same answer too, so that a replay decides as the live run did. Every answer must stay within the bounds that
the protocol of its kind states.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from schemas.records.enums import Action, OrderType, Side, TimeInForce
from schemas.records.messages import ApprovedOrder
from schemas.records.numbers import PRICE_SCALE
from streams.core.market.order_book import OrderBook
from streams.core.market.trades import BUYER, SELLER, TradePrint
from streams.core.simulators.fee_models import Executed
from streams.core.simulators.fill_models import Skips
from streams.core.simulators.model import Model, ModelKind
from streams.core.simulators.queue_place import QueuePlace
from streams.core.simulators.slippage_models import Beyond, Impact
from streams.core.simulators.venue_order import VenueOrder

QUESTIONS = 1_000
UNIT = PRICE_SCALE
Answer = Any


class ContractBroken(Exception):
    """A model's answer breaks a rule; the message names both."""


def check_model(kind: ModelKind, model: Model, questions: int = QUESTIONS) -> None:
    """Asks a model this many questions. Raises ContractBroken at the first wrong answer."""
    copy = type(model).model_validate(model.model_dump())
    if copy != model:
        raise ContractBroken(f"{model.describe()}: its parameters change when they are written and read again")
    for ask, rule in _questions(kind, Random(0), questions):
        answer = ask(model)
        if ask(model) != answer or ask(copy) != answer:
            raise ContractBroken(f"{model.describe()}: answers {answer}, then something else to the same question")
        problem = rule(answer)
        if problem is not None:
            raise ContractBroken(f"{model.describe()}: answers {answer}: {problem}")


Question = tuple[Callable[[Any], Answer], Callable[[Answer], str | None]]
"""A function that asks a model, and a function that returns the rule that an answer breaks."""


def _questions(kind: ModelKind, draw: Random, count: int) -> Iterator[Question]:
    makers = {
        ModelKind.FILL: _fill,
        ModelKind.QUEUE: _queue,
        ModelKind.LATENCY: _latency,
        ModelKind.SLIPPAGE: _slippage,
        ModelKind.FEE: _fee,
    }
    for number in range(count):
        yield makers[kind](draw, number)


def _size(draw: Random) -> int:
    return draw.choice((draw.randrange(1, 1_000), draw.randrange(1, 10**6))) * draw.choice((UNIT, UNIT // 1000))


def order(side: Side, price: int | None, quantity: int, order_id: str = "o") -> VenueOrder:
    """Returns a working order: a market order if price is None, else a limit order."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    request = ApprovedOrder(
        Action.NEW, order_id, None, "A", None, "X", side, kind, TimeInForce.GTC, quantity, price, "a", "s", 1, 1
    )
    return VenueOrder(request, quantity, price)


def _fill(draw: Random, _: int) -> Question:
    price, side = draw.randrange(100, 200) * UNIT, draw.choice((Side.BUY, Side.SELL))
    working = order(side, price, _size(draw))
    ahead = draw.choice((None, 0, _size(draw)))
    working.queue = QueuePlace(ahead)
    trade = TradePrint(price + draw.randrange(-2, 3) * UNIT, _size(draw), SELLER if side is Side.BUY else BUYER)
    bid = draw.randrange(95, 205) * UNIT
    book = OrderBook()
    book.update_quote((bid, _size(draw)), (bid + draw.randrange(0, 3) * UNIT, _size(draw)), 1)
    opposite = book.ask if side is Side.BUY else book.bid

    def ask(model: Any) -> Answer:
        declared = getattr(model, "skips", Skips.NOTHING), getattr(model, "in_turn", False)
        return model.by_trade(working, trade), model.is_met(working, book), *declared

    def rule(answer: Answer) -> str | None:
        reached, met, skips, in_turn = answer
        if not (type(reached) is int and 0 <= reached <= trade.sz):
            return f"by_trade must be an integer from 0 to the trade's size {trade.sz}"
        if met and not working.marketable_at(opposite):
            return f"is_met is true, but the opposite price {opposite} is beyond the limit {price}"
        if skips is Skips.UNTIL_CROSSED and ((reached and trade.px == price) or (met and opposite == price)):
            return f"it trades at the order's price {price}, but its skips declares that nothing happens {skips}"
        if in_turn and reached and trade.px == price and (ahead is None or trade.sz <= ahead):
            return f"a trade of {trade.sz} reaches the order behind {ahead}, but it declares in_turn"
        return None

    return ask, rule


def _queue(draw: Random, _: int) -> Question:
    before, behind = draw.choice((0, _size(draw))), _size(draw)

    def rule(answer: Answer) -> str | None:
        share, total = answer
        whole = type(share) is int and type(total) is int
        return None if whole and total > 0 and 0 <= share <= total else "it must be a probability as two integers"

    return (lambda model: model.from_behind(before, behind)), rule


def _latency(draw: Random, number: int) -> Question:
    request = order(Side.BUY, None, UNIT, f"o{number}").request
    seed, sent_ns = draw.randrange(100), draw.randrange(10**18)

    def rule(answer: Answer) -> str | None:
        found, most = answer
        return None if type(found) is int and 0 <= found <= most else f"it must be whole nanoseconds from 0 to {most}"

    return (lambda model: (model.latency_ns(seed, request, sent_ns), model.most_ns())), rule


def _slippage(draw: Random, _: int) -> Question:
    asked = Beyond(
        _size(draw), draw.randrange(1, 10**5) * UNIT // 100, draw.randrange(100), draw.choice((0, _size(draw)))
    )

    def rule(answer: Answer) -> str | None:
        if not (isinstance(answer, Impact) and all(type(number) is int for number in answer)):
            return "it must be an Impact of two integers"
        if not 0 <= answer.quantity <= asked.quantity:
            return f"quantity must be from 0 to {asked.quantity}"
        return None if answer.slippage >= 0 else "slippage must not be in the trader's favour"

    return (lambda model: model.beyond(asked)), rule


def _fee(draw: Random, number: int) -> Question:
    if number == 0:
        nothing = Executed(0, 0, 0, 0, 0)
        return (lambda model: model.order_fee(nothing)), (
            lambda fee: None if fee == 0 else "an order without executions must cost nothing"
        )
    added, removed = draw.choice((0, _size(draw))), _size(draw)
    price = draw.randrange(1, 10**5) * UNIT // 100
    executed = Executed(added, added * price, removed, removed * price, draw.randrange(1, 9), _size(draw) * UNIT)

    def rule(fee: Answer) -> str | None:
        return None if type(fee) is int else "a fee must be an integer of 1e-18"

    return (lambda model: model.order_fee(executed)), rule
