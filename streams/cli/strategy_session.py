"""The session in which `paper strategy run` trades: it names the strategy, its code and its parameters."""

from __future__ import annotations

import getpass
import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.settings import Settings
    from schemas.avro.codec import Codec
    from streams.pipeline.clients.request_models import ControlModel
    from streams.strategies.account_history import AccountHistory
    from streams.strategies.strategy_config import StrategyConfig

NAMES_NO_CODE = (
    "account {account} trades in the session that is open, which may name other code or none: without --cash this run "
    "is no evidence for a live level. Close that session, and give --cash to open one that names what trades"
)


def opening_of(
    settings: Settings, account: str, config: StrategyConfig, cash: Decimal, currency: str, session: str | None
) -> ControlModel:
    """Returns the command that opens a session for a strategy. session: its id; None for a new one.

    Raises InputError: the strategy's code can't be named, or a field breaks a rule.
    """
    from pydantic import ValidationError

    from schemas.records.enums import ControlKind
    from streams.cli.validation import problems
    from streams.errors import InputError
    from streams.evidence.canonical_hash import settings_sha256
    from streams.pipeline.clients.request_models import ControlModel
    from streams.pipeline.reference.load_config import core_config
    from streams.strategies.strategy_variant import variant_of

    variant = variant_of(config)
    try:
        return ControlModel(
            control_id=uuid4().hex,
            kind=ControlKind.SESSION_OPEN,
            account_id=account,
            session_id=session or f"{account}-{config.strategy}-{uuid4().hex[:8]}",
            strategy_id=config.strategy,
            opening_cash=cash,
            currency=currency,
            instruments=config.traded,
            settings_sha256=settings_sha256(core_config(settings)),
            code_sha256=variant.code_sha256,
            parameters=json.loads(variant.parameters),
            actor=getpass.getuser(),
            reason="paper strategy run",
            ts=time.time_ns(),
        )
    except ValidationError as error:
        raise InputError(problems(error)) from error


def enter_session(settings: Settings, codec: Codec, opening: ControlModel) -> str:
    """Opens a session, or goes on in the open one if it names the same strategy, code and parameters.

    Returns a sentence that says which. It commands as the operator, unless KAFKA_PRINCIPAL names another. Raises
    ControlRefused, NoAnswer, and InputError if the open session names anything else.
    """
    from infra.principal import OPERATOR
    from streams.errors import ControlRefused
    from streams.pipeline.clients.control_commands import send_control

    commanding = settings.model_copy(update={"kafka_principal": settings.kafka_principal or OPERATOR})
    try:
        return send_control(commanding, codec, opening).text
    except ControlRefused as refused:
        session = _open_session(commanding, codec, opening, str(refused))
        if session is None:
            raise
        return f"session {session} of account {opening.account_id} goes on"


def found_lines(history: AccountHistory, symbols: Iterable[str]) -> list[str]:
    """Returns sentences about what a strategy finds in its account; none if the account holds nothing."""
    account = history.account
    held = [f"{account.position(symbol):f} {symbol}" for symbol in symbols if account.position(symbol)]
    found = [f"the account holds {', '.join(held)}"] if held else []
    if account.working:
        found.append(f"{len(account.working)} orders are open")
    return found


def _open_session(settings: Settings, codec: Codec, opening: ControlModel, refusal: str) -> str | None:
    """Returns the session because of which an opening was refused; None if it was refused for something else."""
    from schemas.records.enums import ControlKind
    from streams.errors import InputError
    from streams.pipeline.clients.read_topic import read_topic

    found = [
        item
        for item in read_topic(settings, codec, "controls")
        if (item.kind, item.account_id) == (ControlKind.SESSION_OPEN, opening.account_id)
        and f"session {item.session_id} of account {item.account_id} is still open" in refusal
    ]
    if not found:
        return None
    mine = opening.to_message()
    if any(
        (item.strategy_id, item.code_sha256, item.parameters) != (mine.strategy_id, mine.code_sha256, mine.parameters)
        for item in found
    ):
        raise InputError(
            f"account {mine.account_id}: session {found[0].session_id} is open, but not for this code of strategy "
            f"{mine.strategy_id} with these parameters; close it by `paper session close --account {mine.account_id} "
            "--flatten`, and run the strategy again"
        )
    return str(found[0].session_id)
