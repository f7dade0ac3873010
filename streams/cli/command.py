"""Sends operators' commands to the account shards and prints their answers."""

from __future__ import annotations

import getpass
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

if TYPE_CHECKING:
    from schemas.records.messages import RiskEvent

REASON = typer.Option(..., prompt="Reason", help="Reason for the command; it is recorded with the answer.")


def send(**fields: Any) -> list[RiskEvent]:
    """Sends a control command to its account, or to all accounts, and returns the answers.

    account_id: an account, or its open session.

    Raises ControlRefused, NoAnswer, and BadParameter if a field breaks a rule.
    """
    from pydantic import ValidationError

    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.records.enums import ControlKind
    from schemas.registry import Registry
    from streams.cli.account_names import account_of_session
    from streams.cli.output import say
    from streams.cli.validation import problems
    from streams.errors import ControlRefused
    from streams.pipeline.clients.control_commands import send_control, send_control_to_all
    from streams.pipeline.clients.request_models import ControlModel

    try:
        control = ControlModel(control_id=uuid4().hex, actor=getpass.getuser(), ts=time.time_ns(), **fields)
    except ValidationError as error:
        raise typer.BadParameter(problems(error)) from error
    settings = get_settings()
    codec = Codec(Registry(settings))
    if control.account_id is None:
        return send_control_to_all(settings, codec, control)
    try:
        return [send_control(settings, codec, control)]
    except ControlRefused:
        # Only then is it worth a search: an account is what is named nearly always.
        account = account_of_session(control.account_id)
        if account is None or control.kind is ControlKind.SESSION_OPEN:
            raise
    say(f"{control.account_id} is the session of account {account}")
    again = {"account_id": account, "control_id": uuid4().hex}
    return [send_control(settings, codec, control.model_copy(update=again))]


def print_answers(events: list[RiskEvent], as_json: bool = False) -> None:
    """Prints each answer once: as a sentence, or as JSON lines."""
    if as_json:
        from streams.cli.output import print_rows, readable

        print_rows([readable(event) for event in events], (), as_json=True)
        return
    from streams.cli.output import show

    of_accounts = [event for event in events if event.account_id]
    for text in dict.fromkeys(event.text for event in of_accounts or events):
        show(text)
