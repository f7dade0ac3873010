"""Compares sessions that were rebuilt from their events with the state of their account shard."""

from typing import Any

from schemas.avro.codec import Codec
from schemas.records.enums import OrdStatus
from schemas.records.numbers import money_text, price_text
from streams.core.accounts.account_shard import AccountShard
from streams.core.accounts.state.account import Account
from streams.core.core_config import CoreConfig
from streams.core.ledger.ledger import Ledger
from streams.core.ledger.position import Position
from streams.errors import InputError
from streams.evidence.sessions.session_document import session_document
from streams.evidence.sessions.session_fold import CLOSED, OPEN, Session
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.log import LogReader
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.recovery import recover_with_fallback

View = dict[str, Any]
"""The fields that a rebuilt session and an account have in common; amounts as decimal text."""


def shard_account(config: CoreConfig, account_id: str, reader: LogReader, codec: Codec) -> Account | None:
    """Recovers the account from its shard's newest usable snapshot and the journal after it. Raises RecoveryError."""
    partition = partition_of(account_id, ACCOUNTS.partitions(config))
    processor = recover_with_fallback(ACCOUNTS, partition, reader, codec).processor
    if processor is None:
        return None
    assert isinstance(processor.shard, AccountShard)
    return processor.shard.accounts.get(account_id)


def view_of_session(session: Session) -> View:
    """Returns the view of a session that was rebuilt from its events."""
    return _view(session, session, sorted(session.working), session.status, session.instruments or "")


def view_of_account(account: Account) -> View:
    """Returns the view of an account's current or last session. Orders without an answer of the venue are left out."""
    working = account.ledger.working.items()
    answered = sorted(ident for ident, order in working if order.status is not OrdStatus.PENDING_NEW)
    status = OPEN if account.session_open else CLOSED
    return _view(account, account.ledger, answered, status, ",".join(account.instruments))


def _view(
    holder: Session | Account, ledger: Session | Ledger, working: list[str], status: str, instruments: str
) -> View:
    held = ledger.positions.values()
    return {
        "account_id": holder.account_id,
        "strategy_id": holder.strategy_id or "",
        "currency": holder.currency,
        "opening_cash": money_text(holder.opening_cash),
        "instruments": instruments,
        "settings_sha256": holder.settings_sha256,
        "code_sha256": holder.code_sha256,
        "parameters": holder.parameters,
        "status": status,
        "opened_ns": holder.opened_ns,
        "closed_ns": holder.closed_ns,
        "cash": money_text(ledger.cash),
        "peak_equity": money_text(holder.peak_equity),
        "realised_pnl": money_text(sum(item.realised_pnl for item in held)),
        "commission": money_text(sum(item.commission for item in held)),
        "positions": {symbol: _held(item) for symbol, item in sorted(ledger.positions.items())},
        "working_orders": working,
    }


def _held(position: Position) -> str:
    return f"{price_text(position.quantity)} at a cost of {money_text(position.cost)}"


def compare_with_shard(
    config: CoreConfig, rebuilt: dict[str, Session], reader: LogReader, codec: Codec
) -> dict[str, list[str]]:
    """Returns the differences of each comparison, as sentences.

    Each source is compared with the shard if the shard still holds the session. Two sources are compared in all fields.
    rebuilt: the session by the name of its source.

    Raises RecoveryError, and InputError if there is nothing to compare with.
    """
    first = next(iter(rebuilt.values()))
    account = shard_account(config, first.account_id, reader, codec)
    held = account is not None and account.session_id == first.session_id
    if not held and len(rebuilt) == 1:
        raise InputError(
            f"session {first.session_id}: its shard has gone on to another; compare the sources with --from both"
        )
    found = {}
    if account is not None and held:
        view = view_of_account(account)
        found = {f"{name} and shard": differences(view_of_session(item), view) for name, item in rebuilt.items()}
    if len(rebuilt) > 1:
        (one, mine), (other, theirs) = ((name, session_document(session)) for name, session in rebuilt.items())
        found[f"{one} and {other}"] = [
            f"{name}: {one} {mine[name]}, {other} {theirs[name]}" for name in mine if mine[name] != theirs[name]
        ]
    return found


def differences(rebuilt: View, held: View) -> list[str]:
    """Returns a sentence for each field that differs."""
    return [
        f"{name}: rebuilt {rebuilt[name]}, the shard has {held[name]}" for name in held if rebuilt[name] != held[name]
    ]
