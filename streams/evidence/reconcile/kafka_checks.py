"""The checks from Kafka, each a pure function of the facts."""

from streams.core.core_config import CoreConfig
from streams.evidence.reconcile import fill_checks, money_checks, order_checks, payment_checks
from streams.evidence.reconcile.facts import Facts
from streams.evidence.reconcile.reconciliation import KAFKA, Check

CLIENT_WRITTEN_TOPICS = frozenset({"orders", "controls", "market.data", "test.results", "gate.decisions"})
"""Topics that clients write: a dead letter of one is the client's mistake, of any other a fault of ours."""


def kafka_checks(facts: Facts, config: CoreConfig) -> list[Check]:
    """Runs every check, in the order of an order's life."""
    return [
        order_checks.check_forwarding(facts),
        order_checks.check_answers(facts, config),
        order_checks.check_arrivals(facts, config),
        order_checks.check_terminal_results(facts),
        order_checks.check_results_of_reports(facts),
        fill_checks.check_executions_are_fills(facts),
        fill_checks.check_fills_inside_quotes(facts, config.time_source),
        fill_checks.check_fills_within_orders(facts),
        money_checks.check_cash(facts),
        payment_checks.check_payments(facts),
        payment_checks.check_settlements(facts),
        money_checks.check_positions(facts),
        money_checks.check_equity(facts),
        check_ids(facts),
        check_dead_letters(facts),
        check_one_letter_each(facts),
    ]


def check_ids(facts: Facts) -> Check:
    """Checks that no id occurs twice."""
    check = Check("every id is there once", KAFKA)
    for (name, value), times in facts.ids.items():
        check.compare(times == 1, f"{name} {value} is there {times} times")
    return check


def check_dead_letters(facts: Facts) -> Check:
    """Checks that neither a shard nor the sink refused a record that the pipeline itself wrote."""
    check = Check("no record of the pipeline's own is a dead letter", KAFKA)
    for topic in sorted(facts.dead_letters):
        count = 0 if topic.removeprefix("dlq.") in CLIENT_WRITTEN_TOPICS else facts.own_letters[topic]
        check.compare(not count, f"{topic} holds {count} records: see their headers error_class and message")
    return check


def check_one_letter_each(facts: Facts) -> Check:
    """Checks that each unreadable record has one dead letter, and that no record has two."""
    check = Check("each refused record is one dead letter", KAFKA)
    for place, count in facts.letters.items():
        check.compare(count == 1, f"{place} has {count} dead letters")
    for sentence in facts.undecodable:
        check.differ(sentence)
    return check
