"""The checks from Kafka: pure functions over the facts."""

from streams.core.core_config import CoreConfig
from streams.evidence.reconcile import fill_checks, money_checks, order_checks
from streams.evidence.reconcile.facts import Facts
from streams.evidence.reconcile.reconciliation import KAFKA, Check

WRITTEN_FROM_OUTSIDE = frozenset({"orders", "controls", "market.data", "test.results", "gate.decisions"})
"""Topics in which a bad record is its writer's mistake; in all others it is ours."""


def all_checks(facts: Facts, config: CoreConfig) -> list[Check]:
    """Every check, in the order of an order's life."""
    return [
        order_checks.forwarding(facts),
        order_checks.answers(facts),
        order_checks.arrivals(facts, config),
        order_checks.terminal_results(facts),
        order_checks.results_of_reports(facts),
        fill_checks.executions_are_fills(facts),
        fill_checks.fills_inside_quotes(facts, config.time_source),
        fill_checks.within_orders(facts),
        money_checks.cash(facts),
        money_checks.positions(facts),
        money_checks.equity(facts),
        ids(facts),
        dead_letters(facts),
        one_letter_each(facts),
    ]


def ids(facts: Facts) -> Check:
    """Ids that name one thing each are there once."""
    check = Check("every id is there once", KAFKA)
    for (name, value), times in facts.ids.items():
        check.compare(times == 1, f"{name} {value} is there {times} times")
    return check


def dead_letters(facts: Facts) -> Check:
    """No shard or sink refused a record of the pipeline's own."""
    check = Check("no record of the pipeline's own is a dead letter", KAFKA)
    for topic, count in sorted(facts.dead_letters.items()):
        own = topic.removeprefix("dlq.") not in WRITTEN_FROM_OUTSIDE
        check.compare(not own, f"{topic} holds {count} records: see their headers error_class and message")
    return check


def one_letter_each(facts: Facts) -> Check:
    """What can't be read is a dead letter, and no record is two."""
    check = Check("each refused record is one dead letter", KAFKA)
    for (topic, partition, offset), count in facts.letters.items():
        check.compare(count == 1, f"{topic}-{partition} offset {offset} has {count} dead letters")
    for sentence in facts.undecodable:
        check.differ(sentence)
    return check
