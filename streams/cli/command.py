"""Sending an operator's command from the command line: who asks, why, and the answer."""

from __future__ import annotations

import getpass
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

if TYPE_CHECKING:
    from schemas.records.messages import RiskEvent

REASON = typer.Option(..., prompt="Reason", help="Why; kept with the answer.")


def send(**fields: Any) -> list[RiskEvent]:
    """Sends a control, to the account that it names or to all, and gives the answers.

    Raises ControlRefused, NoAnswer, and BadParameter where a field breaks a rule.
    """
    from pydantic import ValidationError

    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.control_commands import send_control, send_control_to_all
    from streams.pipeline.clients.request_models import ControlModel

    try:
        control = ControlModel(control_id=uuid4().hex, actor=getpass.getuser(), ts=time.time_ns(), **fields)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise typer.BadParameter("; ".join(problems)) from error
    settings = get_settings()
    codec = Codec(Registry(settings))
    if control.account_id is None:
        return send_control_to_all(settings, codec, control)
    return [send_control(settings, codec, control)]


def tell(events: list[RiskEvent], as_json: bool = False) -> None:
    """Prints each answer once: as a sentence, or as JSON lines."""
    if as_json:
        from streams.cli.output import print_rows, readable

        print_rows([readable(event) for event in events], (), as_json=True)
        return
    of_accounts = [event for event in events if event.account_id]
    for text in dict.fromkeys(event.text for event in of_accounts or events):
        print(text)
