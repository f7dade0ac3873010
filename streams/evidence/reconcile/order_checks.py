"""Checks of orders: each is forwarded, answered and ended once, and the client sees what the venue reports."""

from collections import Counter
from collections.abc import Iterator

from schemas.records.enums import Action, ExecType
from schemas.records.messages import OrderRequest
from streams.core.accounts.state.early_queue import grace_ns
from streams.core.core_config import CoreConfig, TimeSource
from streams.core.simulators.simulator_choice import Simulators
from streams.core.venue.venue import CLOCK_AHEAD_MAX_NS
from streams.evidence.reconcile.facts import ClientResult, Facts, OrderEvent, OrderId, RecordPlace, SentRequest
from streams.evidence.reconcile.reconciliation import KAFKA, Check

DUPLICATE = "DUPLICATE_ORDER_ID"


def check_forwarding(facts: Facts) -> Check:
    """Checks that each record in a wrong partition was forwarded once, and no other record was."""
    check = Check("misplaced records are forwarded once", KAFKA)
    for place in sorted(facts.misplaced):
        times = facts.forwarded[place]
        expected = times == 1 if facts.is_taken(place) else times <= 1
        check.compare(expected, f"{place} was forwarded {times} times")
    for place in sorted(facts.forwarded.keys() - facts.misplaced):
        check.differ(f"a record was forwarded from {place}, where none was misplaced")
    return check


def check_answers(facts: Facts, config: CoreConfig) -> Check:
    """Checks that each request has a result or was approved, and that each repeated id is answered as a repetition.

    A request for later waits for its time, without an answer. A request with a repeated id is refused, or gets the
    first answer again if it is identical to the first. An identical request gets no answer if the first was approved,
    or may have waited, and had no answer yet.
    """
    waits = requests_wait(config)
    check = Check("every request is answered or on its way", KAFKA)
    answered, told_duplicate, resent = _answer_counts(facts)
    for key, (request, place) in facts.requests.items():
        found = key in answered or key in facts.approved or not facts.is_taken(place)
        found = found or (waits and _is_early(facts, config, request, place))
        check.compare(found, f"{request.action} {order_name(key)} has no result and was not approved")
    for key, sent in facts.approved.items():
        if len(sent) > 1:
            check.differ(f"request {order_name(key)} was approved {len(sent)} times")
    for key in facts.duplicates.keys() | told_duplicate.keys() | resent.keys():
        asked, told = facts.duplicates[key], told_duplicate[key] + resent[key]
        silent = asked - told
        may_have_waited = waits and key in facts.requests and facts.requests[key].request.ts > 0
        may_be_silent = facts.identical[key] - resent[key] if may_have_waited or key in facts.approved else 0
        right = 0 <= silent <= may_be_silent and resent[key] <= facts.identical[key]
        check.compare(right, f"request {order_name(key)} came again {asked} times, answered so {told} times")
    return check


def requests_wait(config: CoreConfig) -> bool:
    """Returns whether requests for later wait in their accounts."""
    return config.orders_wait and config.time_source is TimeSource.EVENT


def _is_early(facts: Facts, config: CoreConfig, request: OrderRequest, place: RecordPlace) -> bool:
    """Returns whether a request is for later, or changes or hangs on one that is."""
    horizon_ns = facts.account_times.get(place.partition, 0) + grace_ns(config.mark_interval_ms)
    passed = set[str]()
    while request.ts <= horizon_ns and request.order_id not in passed:
        passed.add(request.order_id)
        other = request.parent_order_id if request.action is Action.NEW else request.orig_order_id
        asked = facts.requests.get((request.account_id, other or ""))
        if asked is None:
            return False
        request = asked.request
    return request.ts > horizon_ns


def _answer_counts(facts: Facts) -> tuple[Counter[OrderId], Counter[OrderId], Counter[OrderId]]:
    """Returns, by request: the number of results, of refusals as a duplicate, and of answers sent again."""
    answered: Counter[OrderId] = Counter()
    duplicate: Counter[OrderId] = Counter()
    resent: Counter[OrderId] = Counter()
    for (account_id, order_id), results in facts.results.items():
        for result in results:
            counter = resent if result.resent else duplicate if result.reason_code == DUPLICATE else answered
            counter[account_id, result.event.request_id or order_id] += 1
    return answered, duplicate, resent


def check_arrivals(facts: Facts, config: CoreConfig) -> Check:
    """Checks that the venue answers each approved request that must have reached it."""
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
            # A change waits until the earlier requests of its order have arrived.
            waits = sent.target in travelling or not facts.is_taken(sent.place)
            check.compare(
                key in reported or waits, f"request {order_name(key)} reached its venue and has no answer of it"
            )
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


def check_terminal_results(facts: Facts) -> Check:
    """Checks that each order has one terminal result, its last, or is working, and that somebody asked for it.

    A client asks for an order on orders, a shard for a closing order by its cause on risk.events.
    """
    check = Check("every order has one terminal result or is working", KAFKA)
    for key in [*(key for key, _ in new_orders(facts)), *facts.closing]:
        results = order_life(facts.results.get(key, []))
        terminal = [number for number, result in enumerate(results) if result.terminal]
        check.compare(len(terminal) <= 1, f"order {order_name(key)} has {len(terminal)} terminal results")
        if len(terminal) == 1 and terminal[0] != len(results) - 1:
            check.differ(f"order {order_name(key)} has results after its terminal one")
    for key, results in facts.results.items():
        if facts.opening(key) is None and order_life(results):
            check.differ(f"order {order_name(key)} has results, but orders does not hold it")
    for key, all_sent in facts.approved.items():
        opens = any(sent.target == key and facts.is_taken(sent.place) for sent in all_sent)
        if opens and facts.opening(key) is None:
            check.differ(f"order {order_name(key)} was approved, but neither orders nor risk.events has its cause")
    return check


def check_results_of_reports(facts: Facts) -> Check:
    """Checks that each execution report is one equal result, and each result of the venue is one report."""
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
                    f"order {order_name(key)}: report {report.exec_id} ({report.exec_type}, {report.ord_status}) has "
                    f"{len(events)} results{'' if len(events) != 1 else ', which says otherwise'}",
                )
    for (key, exec_id), events in told.items():
        check.differ(
            f"order {order_name(key)}: {len(events)} results of report {exec_id}, which executions does not hold"
        )
    return check


def order_life(results: list[ClientResult]) -> list[ClientResult]:
    """Returns the results that are steps of the order itself.

    Refused changes and the answers to repetitions of its id are left out.
    """
    return [
        item
        for item in results
        if item.event.exec_type is not ExecType.CANCEL_REJECT
        and item.reason_code != DUPLICATE
        and (item.terminal or not item.resent)
    ]


def new_orders(facts: Facts) -> Iterator[tuple[OrderId, OrderRequest]]:
    """Returns the requests that open an order."""
    return ((key, asked.request) for key, asked in facts.requests.items() if asked.request.action is Action.NEW)


def order_counts(facts: Facts) -> dict[str, int]:
    """Returns the numbers that are reported beside the checks. on_their_way: requests without an answer yet."""
    orders = [order_life(facts.results.get(key, [])) for key, _ in new_orders(facts)]
    answered, _, _ = _answer_counts(facts)
    waiting = {place for place in facts.misplaced if place.topic == "orders" and not facts.forwarded[place]}
    return {
        "requests": len(facts.requests) + facts.duplicates.total() + len(waiting),
        "orders": len(orders),
        "closing_orders": len(facts.closing),
        "working_orders": sum(not any(result.terminal for result in results) for results in orders),
        "on_their_way": len(facts.requests.keys() - answered.keys()) + len(waiting),
        "duplicates": facts.duplicates.total(),
        "forwarded": facts.forwarded.total(),
        "fills": sum(map(len, facts.fills.values())),
        "dead_letters": facts.dead_letters.total(),
    }


def order_name(key: OrderId) -> str:
    """Returns an order's name as people write it: ACCOUNT/ORDER."""
    return "/".join(key)
