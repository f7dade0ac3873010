"""Makes requests for orders from the command line, sends them, and waits for their results."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

from streams.cli.output import say, show

if TYPE_CHECKING:
    from schemas.records.messages import OrderResult
    from streams.pipeline.clients.follow import Follower
    from streams.pipeline.clients.request_models import OrderRequestModel

RESULT_COLUMNS = ("order_id", "exec_type", "ord_status", "cum_qty", "leaves_qty", "avg_px", "reason_code")
REFUSED = ("REJECTED", "CANCEL_REJECT")
NO_RESULT = 3
"""Exit code of a request without a result in time."""
POLL_S = 0.1


def request_model(subject: str, row: dict[str, Any]) -> OrderRequestModel:
    """Returns the request of a row. subject: what the row is, for the message. Raises InputError."""
    from pydantic import ValidationError

    from streams.cli.validation import problems
    from streams.errors import InputError
    from streams.pipeline.clients.request_models import OrderRequestModel

    fields = {name: value for name, value in row.items() if value not in ("", None)}
    try:
        return OrderRequestModel.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"{subject}: {problems(error)}") from error


def send_requests(requests: Iterable[OrderRequestModel]) -> None:
    """Sends requests and waits until Kafka has them. Raises DeliveryError, LogUnavailable, TopicError."""
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.producer import RecordProducer

    settings = get_settings()
    producer = RecordProducer(settings, Codec(Registry(settings)), linger_ms=1)
    for request in requests:
        producer.send("orders", request.account_id, request.to_message())
    producer.flush()


def send_and_print(fields: dict[str, Any], order_id: str | None, wait: float, as_json: bool) -> None:
    """Sends one request, prints its results, and exits with 1 if it is refused, with 3 if none comes in time."""
    from streams.cli.account_names import account_of_session

    request = request_model("request", {**fields, "order_id": order_id or uuid4().hex[:12]})
    answers = _sent(request, wait)
    if wait and answers and answers[-1].reason_code == "UNKNOWN_ACCOUNT":
        account = account_of_session(request.account_id)
        if account is not None:
            say(f"{request.account_id} is the session of account {account}")
            answers = _sent(request.model_copy(update={"account_id": account}), wait)
    if not wait:
        print(request.order_id)
        return
    if not answers:
        say(
            f"error: request {request.order_id} was sent, but no result came within {wait:g} s; `paper status` shows "
            "if a worker runs"
        )
        raise typer.Exit(NO_RESULT)
    _print_answers(answers, as_json)
    if answers[-1].exec_type in REFUSED:
        raise typer.Exit(1)


def _sent(request: OrderRequestModel, wait: float) -> list[OrderResult]:
    """Sends a request; returns its first result with those that came in the same poll."""
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.follow import Follower

    settings = get_settings()
    with Follower(settings, Codec(Registry(settings)), ["order.results"]) as results:
        send_requests([request])
        return first_results(results, [request], wait).get(request.order_id, [])


def first_results(
    results: Follower, requests: Iterable[OrderRequestModel], wait: float
) -> dict[str, list[OrderResult]]:
    """Waits until each request has a result, at most for wait seconds. Returns what has come, by the request's id."""
    waiting = {(request.account_id, request.order_id) for request in requests}
    found: dict[str, list[OrderResult]] = {order_id: [] for _, order_id in waiting}
    deadline = time.monotonic() + wait
    while waiting and time.monotonic() < deadline:
        for followed in results.poll(POLL_S):
            result: OrderResult = followed.message
            for order_id in found.keys() & {result.order_id, result.request_id}:
                waiting.discard((result.account_id, order_id))
                found[order_id].append(result)
    return found


def _print_answers(answers: list[OrderResult], as_json: bool) -> None:
    from streams.cli.output import print_rows, readable
    from streams.cli.refusals import refusal_text

    print_rows([readable(answer) for answer in answers], RESULT_COLUMNS, as_json)
    if not as_json:
        show("\n".join(filter(None, map(refusal_text, answers))))
