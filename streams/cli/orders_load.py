"""`paper orders load`: sends the requests of a CSV file, and reports what became of them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from streams.cli.options import JSON_LINES
from streams.cli.order_requests import NO_RESULT, REFUSED, first_results, request_model, send_requests
from streams.cli.output import say, show

if TYPE_CHECKING:
    from schemas.records.messages import OrderResult
    from streams.pipeline.clients.request_models import OrderRequestModel

REFUSALS_SHOWN = 20


def load(
    file: Path = typer.Argument(
        ..., help="CSV file. Its header names fields of schemas/avsc/orders.avsc, such as order_id,account_id,symbol."
    ),
    wait: float = typer.Option(10.0, min=0, help="Seconds to wait for the first results; 0 does not wait."),
    as_json: bool = JSON_LINES,
) -> None:
    """Sends a request for each line of a CSV file, and reports what became of them. If one line is wrong, none is sent.

    Exit code 1 if a request is refused, 3 if one has no result in time.
    """
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.follow import Follower

    requests = _read_csv(file)
    settings = get_settings()
    with Follower(settings, Codec(Registry(settings)), ["order.results"]) as results:
        send_requests(requests)
        if not as_json:
            print(f"{len(requests)} requests sent")
        found = first_results(results, requests, wait)
    if wait:
        _report(found, wait, as_json)


def _read_csv(file: Path) -> list[OrderRequestModel]:
    from streams.errors import InputError

    try:
        with file.open(newline="", encoding="utf-8") as stream:
            return [request_model(f"{file}: line {line}", row) for line, row in enumerate(csv.DictReader(stream), 2)]
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is no UTF-8 text; give a CSV file") from error


def _report(found: dict[str, list[OrderResult]], wait: float, as_json: bool) -> None:
    """Prints how many requests came to what, and each refusal. Exits with 1 or 3 if not all was taken."""
    from streams.cli.output import readable
    from streams.cli.refusals import refusal_text

    last = [results[-1] for results in found.values() if results]
    refused = [result for result in last if result.exec_type in REFUSED]
    silent = [order_id for order_id, results in found.items() if not results]
    if as_json:
        for results in found.values():
            for result in results:
                print(json.dumps(readable(result)))
    else:
        for exec_type, count in Counter(result.exec_type for result in last).most_common():
            print(f"{count:>8,} {exec_type}")
        for result in refused[:REFUSALS_SHOWN]:
            show(f"{result.reason_code}: {refusal_text(result)}")
        if len(refused) > REFUSALS_SHOWN:
            print(f"and {len(refused) - REFUSALS_SHOWN:,} more; `paper orders list --recent {len(found)}` shows them")
    if silent:
        say(f"error: {len(silent)} requests have no result after {wait:g} s; `paper status` shows if a worker runs")
        raise typer.Exit(NO_RESULT)
    if refused:
        raise typer.Exit(1)
