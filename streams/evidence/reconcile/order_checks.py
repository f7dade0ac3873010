"""Orders: forwarded, answered, ended once; what the venue reports and what the client sees are the same."""

from collections import Counter
from collections.abc import Iterator

from schemas.records.enums import Action, ExecType
from schemas.records.messages import OrderRequest
from streams.core.core_config import CoreConfig
from streams.core.simulators.choice import Simulators
from streams.core.venue.venue import CLOCK_AHEAD_MAX_NS
from streams.evidence.reconcile.facts import ClientResult, Facts, OrderEvent, OrderId, SentRequest
from streams.evidence.reconcile.reconciliation import KAFKA, Check

DUPLICATE = "DUPLICATE_ORDER_ID"


def forwarding(facts: Facts) -> Check:
    """A record in a wrong partition was forwarded once, and nothing else was."""
    check = Check("misplaced records are forwarded once", KAFKA)
    for place in sorted(facts.misplaced):
        times = facts.forwarded[place]
        topic, partition, offset = place
        expected = times == 1 if facts.is_taken(place) else times <= 1
        check.compare(expected, f"{topic}-{partition} offset {offset} was forwarded {times} times")
    for topic, partition, offset in sorted(facts.forwarded.keys() - facts.misplaced):
        check.differ(f"a record was forwarded from {topic}-{partition} offset {offset}, where none was misplaced")
    return check


def answers(facts: Facts) -> Check:
    """Each request has a result or was approved; each repeated id is answered as one.

    A repeated id is refused, or an identical request gets its first answer again; of one that was approved the answer
    may have been still to come.
    """
    check = Check("every request is answered or on its way", KAFKA)
    answered, told_duplicate, resent = _answer_counts(facts)
    for key, (request, place) in facts.requests.items():
        found = key in answered or key in facts.approved or not facts.is_taken(place)
        check.compare(found, f"{request.action} {named(key)} has no result and was not approved")
    for key, sent in facts.approved.items():
        if len(sent) > 1:
            check.differ(f"request {named(key)} was approved {len(sent)} times")
    for key in facts.duplicates.keys() | told_duplicate.keys() | resent.keys():
        asked, told = facts.duplicates[key], told_duplicate[key] + resent[key]
        silent = asked - told
        may_be_silent = facts.identical[key] - resent[key] if key in facts.approved else 0
        right = 0 <= silent <= may_be_silent and resent[key] <= facts.identical[key]
        check.compare(right, f"request {named(key)} came again {asked} times, answered so {told} times")
    return check


def _answer_counts(facts: Facts) -> tuple[Counter[OrderId], Counter[OrderId], Counter[OrderId]]:
    """Results by the request that they answer, those that say that its id was used before, and those sent again."""
    answered: Counter[OrderId] = Counter()
    duplicate: Counter[OrderId] = Counter()
    resent: Counter[OrderId] = Counter()
    for (account_id, order_id), results in facts.results.items():
        for result in results:
            counter = resent if result.resent else duplicate if result.reason_code == DUPLICATE else answered
            counter[account_id, result.event.request_id or order_id] += 1
    return answered, duplicate, resent


def arrivals(facts: Facts, config: CoreConfig) -> Check:
    """Each approved request that must have reached its venue is answered there."""
    check = Check("every request at its venue is answered there", KAFKA)
    latency_ns = Simulators(config).latency_max_ns()
    reported = _reported_requests(facts)
    travelling = {
        sent.target
        for all_sent in facts.approved.values()
        for sent in all_sent
        if not _has_arrived(facts, sent, latency_ns)
    }
    for key, all_sent in facts.approved.items():
        for sent in all_sent:
            # A change waits for what was sent of its order before.
            waits = sent.target in travelling or not facts.is_taken(sent.place)
            check.compare(key in reported or waits, f"request {named(key)} reached its venue and has no answer of it")
    return check


def _reported_requests(facts: Facts) -> set[OrderId]:
    return {
        (account_id, report.event.request_id or order_id)
        for (account_id, order_id), reports in facts.executions.items()
        for report in reports
    }


def _has_arrived(facts: Facts, sent: SentRequest, latency_ns: int) -> bool:
    market = facts.markets.get(sent.symbol)
    if market is None:
        return False
    return sent.sent_ns + latency_ns <= market.now_ns or sent.sent_ns > market.now_ns + CLOCK_AHEAD_MAX_NS


def terminal_results(facts: Facts) -> Check:
    """Each order has one terminal result or is working; nothing happens to it after."""
    check = Check("every order has one terminal result or is working", KAFKA)
    for key, _ in new_orders(facts):
        results = life(facts.results.get(key, []))
        terminal = [number for number, result in enumerate(results) if result.terminal]
        check.compare(len(terminal) <= 1, f"order {named(key)} has {len(terminal)} terminal results")
        if len(terminal) == 1 and terminal[0] != len(results) - 1:
            check.differ(f"order {named(key)} has results after its terminal one")
    for key, results in facts.results.items():
        if key not in facts.requests and life(results):
            check.differ(f"order {named(key)} has results, but orders does not hold it")
    return check


def results_of_reports(facts: Facts) -> Check:
    """Each execution report is one result that says the same, and each result of the venue's is one report."""
    check = Check("execution reports and results are one to one", KAFKA)
    told: dict[tuple[OrderId, str], list[OrderEvent]] = {}
    for key, results in facts.results.items():
        for result in results:
            if result.event.exec_id is not None and not result.resent:
                told.setdefault((key, result.event.exec_id), []).append(result.event)
    for key, reports in facts.executions.items():
        for report, place in reports:
            events = told.pop((key, report.exec_id or ""), [])
            if events or facts.is_taken(place):
                check.compare(
                    events == [report],
                    f"order {named(key)}: report {report.exec_id} ({report.exec_type}, {report.ord_status}) has "
                    f"{len(events)} results{'' if len(events) != 1 else ', which says otherwise'}",
                )
    for (key, exec_id), events in told.items():
        check.differ(f"order {named(key)}: {len(events)} results of report {exec_id}, which executions does not hold")
    return check


def life(results: list[ClientResult]) -> list[ClientResult]:
    """Results that are steps of the order itself: no refused changes, no refused or answered repetitions of its id."""
    return [
        item
        for item in results
        if item.event.exec_type is not ExecType.CANCEL_REJECT
        and item.reason_code != DUPLICATE
        and (item.terminal or not item.resent)
    ]


def new_orders(facts: Facts) -> Iterator[tuple[OrderId, OrderRequest]]:
    """Requests that open an order."""
    return ((key, asked.request) for key, asked in facts.requests.items() if asked.request.action is Action.NEW)


def counts(facts: Facts) -> dict[str, int]:
    """Numbers worth knowing beside the checks. on_their_way: requests that have no answer yet."""
    orders = [life(facts.results.get(key, [])) for key, _ in new_orders(facts)]
    answered, _, _ = _answer_counts(facts)
    waiting = {place for place in facts.misplaced if place[0] == "orders" and not facts.forwarded[place]}
    return {
        "requests": len(facts.requests) + facts.duplicates.total() + len(waiting),
        "orders": len(orders),
        "working_orders": sum(not any(result.terminal for result in results) for results in orders),
        "on_their_way": len(facts.requests.keys() - answered.keys()) + len(waiting),
        "duplicates": facts.duplicates.total(),
        "forwarded": facts.forwarded.total(),
        "fills": sum(map(len, facts.fills.values())),
        "dead_letters": facts.dead_letters.total(),
    }


def named(key: OrderId) -> str:
    """An order as people write it."""
    return "/".join(key)
