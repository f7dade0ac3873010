"""What operators' commands share: options, a control made of them, sent to one account or to all."""

from __future__ import annotations

import getpass
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

if TYPE_CHECKING:
    from schemas.models import ControlModel
    from streams.domain.messages import RiskEvent

REASON = typer.Option("command line", help="Why; kept with the answer.")


def send(**fields: Any) -> RiskEvent:
    """Sends a control for one account and gives its answer; fields as in schemas.models.ControlModel.

    Raises:
        ControlRefused: it changed nothing.
        NoAnswer: no worker answered.
        typer.BadParameter: the fields make no control.
    """
    from infra.settings import get_settings
    from schemas.codec import Codec
    from schemas.registry import Registry
    from streams.clients.sessions import command

    settings = get_settings()
    return command(settings, Codec(Registry(settings)), control(**fields))


def send_to_all(**fields: Any) -> None:
    """Sends a control for all accounts, one copy to each account partition; no answer is awaited."""
    from infra.settings import get_settings
    from schemas.codec import Codec
    from schemas.registry import Registry
    from streams.clients.sessions import command_all

    settings = get_settings()
    command_all(settings, Codec(Registry(settings)), control(**fields))


def control(**fields: Any) -> ControlModel:
    """A control of this user, now. Raises typer.BadParameter where the fields make none."""
    from pydantic import ValidationError

    from schemas.models import ControlModel

    try:
        return ControlModel(control_id=uuid4().hex, actor=getpass.getuser(), ts=time.time_ns(), **fields)
    except ValidationError as error:
        raise typer.BadParameter("; ".join(str(item["msg"]) for item in error.errors())) from error


def decimal_option(option: str, text: str) -> Decimal:
    """An option's number. Raises typer.BadParameter."""
    from decimal import InvalidOperation

    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"{option} {text}: must be a number") from error
