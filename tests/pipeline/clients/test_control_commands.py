"""Commands that are sent at once: each gets its own answer, and one that is refused or silent is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import ControlKind, RiskEventKind
from schemas.records.messages import Control, RiskEvent
from streams.errors import ControlRefused, NoAnswer
from streams.pipeline.clients import control_commands
from streams.pipeline.clients.control_commands import send_controls
from streams.pipeline.clients.follow import FollowedRecord
from streams.pipeline.clients.request_models import ControlModel

SETTINGS, CODEC = Settings(_env_file=None), Codec({})  # type: ignore[arg-type]
ACCOUNTS = ("A", "B", "C")


class Shards:
    """Account shards that answer all commands together, the last one first, when the client looks.

    silent, refusing: the accounts that are not answered, and those whose commands are refused.
    """

    def __init__(self, silent: str = "", refusing: str = "") -> None:
        self._silent, self._refusing = silent, refusing
        self._waiting: list[Control] = []
        self.looked = 0

    def send(self, topic: str, key: str, control: Control) -> None:
        assert (topic, self.looked) == ("controls", 0), "all are sent before the first answer is awaited"
        self._waiting.append(control)

    def flush(self) -> None:
        """Sends nothing more: a command has arrived as soon as it is sent."""

    def poll(self, timeout_s: float) -> Iterator[FollowedRecord]:
        self.looked += 1
        while self._waiting:
            control = self._waiting.pop()
            account = str(control.account_id)
            if account not in self._silent:
                yield FollowedRecord("risk.events", self._answer(control, account), 0, 0)

    def _answer(self, control: Control, account: str) -> RiskEvent:
        kind = RiskEventKind.CONTROL_REJECTED if account in self._refusing else RiskEventKind.SESSION_OPENED
        none: dict[str, Any] = dict.fromkeys(RiskEvent._fields[:13])
        return RiskEvent(
            **none | {"kind": kind, "account_id": account, "control_id": control.control_id, "text": f"of {account}"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes nothing."""


def sent(shards: Shards, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sends a command for each account, and returns the texts of the answers."""
    monkeypatch.setattr(control_commands, "Follower", lambda *_: shards)
    monkeypatch.setattr(control_commands, "RecordProducer", lambda *_: shards)
    monkeypatch.setattr(control_commands, "ANSWER_TIMEOUT_S", 0.05)
    plain = {"kind": ControlKind.SESSION_CLOSE, "actor": "me", "reason": "evening", "ts": 1}
    controls = [ControlModel(control_id=f"c-{account}", account_id=account, **plain) for account in ACCOUNTS]
    return [event.text for event in send_controls(SETTINGS, CODEC, controls)]


def test_answers_stand_in_the_order_of_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    shards = Shards()
    assert sent(shards, monkeypatch) == ["of A", "of B", "of C"]
    assert shards.looked == 1


def test_a_silent_shard_is_named_by_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoAnswer, match="control c-B: 0 of 1 account shards"):
        sent(Shards(silent="B"), monkeypatch)


def test_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ControlRefused, match="of C"):
        sent(Shards(refusing="C"), monkeypatch)
