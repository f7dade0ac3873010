"""A clean session reconciles; each planted fault is found and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streams.domain.messages import Fill
from streams.reconcile.facts import FactReader, Facts
from streams.reconcile.kafka_checks import all_checks, request_counts
from streams.reconcile.report import Check
from tests import builders
from tests.journal.pipeline import PARTITIONS, MemoryPipeline, traded


def facts_of(pipeline: MemoryPipeline) -> Facts:
    return FactReader(pipeline.config, lambda _: PARTITIONS, pipeline.log, pipeline.codec).read(lambda _: None)


def failed(pipeline: MemoryPipeline) -> dict[str, Check]:
    return {check.name: check for check in all_checks(facts_of(pipeline), pipeline.config) if not check.passed}


def change(pipeline: MemoryPipeline, topic: str, number: int, how: Callable[[Any], Any]) -> Any:
    """Changes a record of a topic in place, counted over its partitions; the record as it was."""
    places = [
        (key, offset)
        for key in sorted(pipeline.log.partitions)
        if key[0] == topic
        for offset in range(len(pipeline.log.partitions[key]))
    ]
    key, offset = places[number]
    record = pipeline.log.partitions[key][offset]
    message = pipeline.codec.decode(topic, record.value or b"")
    pipeline.log.partitions[key][offset] = record._replace(value=pipeline.codec.encode(topic, how(message)))
    return message


@pytest.fixture
def pipeline() -> MemoryPipeline:
    made = traded()
    made.send("orders", "A", builders.new("o-0", price="10.02"))
    made.send("orders", "A", builders.new("resting", price="1.00"))
    made.run()
    return made


def test_a_clean_session_reconciles(pipeline: MemoryPipeline) -> None:
    assert failed(pipeline) == {}
    counts = request_counts(facts_of(pipeline))
    assert counts["orders"] == 21
    assert (counts["duplicates"], counts["forwarded"] > 0, counts["fills"] > 5) == (1, True, True)
    assert counts["working_orders"] == 1


def better(fill: Fill) -> Fill:
    tick = builders.px("0.01")
    return fill._replace(price=fill.price - tick if fill.side == "BUY" else fill.price + tick)


def test_a_fill_better_than_the_market_is_named(pipeline: MemoryPipeline) -> None:
    fill = change(pipeline, "fills", 0, better)
    differences = failed(pipeline)["every fill lies inside the quote in force, or deeper"].differences
    named = f"fill {fill.exec_id} of order {fill.order_id}"
    assert any(named in text and "better than" in text for text in differences)


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        (lambda fill: fill._replace(quote_ts=fill.quote_ts + 1), "is not in market.data"),
        (lambda fill: fill._replace(ask_px=fill.ask_px + 1), "is not in market.data"),
        (lambda fill: fill._replace(ts=fill.ts + 100 * builders.SECOND), "was followed by one of"),
        (lambda fill: fill._replace(quote_ts=None), "names no quote"),
    ],
)
def test_a_fill_with_a_wrong_quote_is_named(
    pipeline: MemoryPipeline, how: Callable[[Fill], Fill], complaint: str
) -> None:
    change(pipeline, "fills", 0, how)
    (sentence,) = failed(pipeline)["every fill lies inside the quote in force, or deeper"].differences
    assert complaint in sentence


@pytest.mark.parametrize(
    ("topic", "how", "check"),
    [
        ("fills", lambda fill: fill._replace(cash=fill.cash + 1), "cash = opening cash + cash flows - fees"),
        ("fills", lambda fill: fill._replace(position_qty=fill.position_qty + 1), "position = sum of fills"),
        ("fills", lambda fill: fill._replace(exec_id="x9-9"), "executions and fills are one to one"),
        ("fills", lambda fill: fill._replace(commission=fill.commission + 1), "executions and fills are one to one"),
        ("positions", lambda item: item._replace(quantity=item.quantity - 1), "position = sum of fills"),
        (
            "account.equity",
            lambda item: item._replace(equity=item.equity + 1),
            "equity = cash + position value, drawdown from its peak",
        ),
        ("account.equity", lambda item: item._replace(cash=item.cash + 1), "cash = opening cash + cash flows - fees"),
        (
            "executions",
            lambda report: report._replace(cum_qty=report.cum_qty + 1),
            "executed quantity is the sum of fills, within the order",
        ),
    ],
)
def test_the_smallest_wrong_amount_is_found(
    pipeline: MemoryPipeline, topic: str, how: Callable[[Any], Any], check: str
) -> None:
    change(pipeline, topic, -1, how)
    assert check in failed(pipeline)


def drop(pipeline: MemoryPipeline, topic: str, wanted: Callable[[Any], bool]) -> None:
    for key, log in pipeline.log.partitions.items():
        if key[0] == topic:
            log[:] = [item for item in log if not wanted(pipeline.codec.decode(topic, item.value or b""))]


def test_a_missing_answer_is_named(pipeline: MemoryPipeline) -> None:
    drop(pipeline, "order.results", lambda result: result.order_id == "o-6")
    (sentence,) = failed(pipeline)["every request is answered or waits at its venue"].differences
    assert "A/o-6" in sentence


def test_a_second_terminal_result_is_named(pipeline: MemoryPipeline) -> None:
    for key in sorted(pipeline.log.partitions):
        for record in list(pipeline.log.partitions[key]) if key[0] == "order.results" else ():
            result = pipeline.codec.decode("order.results", record.value or b"")
            if result.terminal:
                pipeline.log.append(*key, record.key, record.value)
                differences = failed(pipeline)["every order has one terminal result or is working"].differences
                assert f"order {result.account_id}/{result.order_id} has 2 terminal results" in differences
                return


def test_a_fill_booked_twice_is_named(pipeline: MemoryPipeline) -> None:
    key = next(key for key, log in pipeline.log.partitions.items() if key[0] == "fills" and log)
    record = pipeline.log.partitions[key][-1]
    pipeline.log.append(*key, record.key, record.value)
    fill = pipeline.codec.decode("fills", record.value or b"")
    differences = failed(pipeline)["executions and fills are one to one"].differences
    assert f"fill {fill.exec_id} was booked twice" in differences


def test_a_forwarded_order_that_was_lost_is_named(pipeline: MemoryPipeline) -> None:
    for key, log in pipeline.log.partitions.items():
        if key[0] == "orders":
            log[:] = [record for record in log if not record.headers]
    assert "was forwarded 0 times" in failed(pipeline)["misplaced records are forwarded once"].differences[0]
