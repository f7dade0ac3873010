"""Sending control commands and waiting for their answers on risk.events."""

import time

from infra.settings import Settings
from schemas.codec import Codec
from schemas.models import ControlModel
from streams.clients.follow import Follower
from streams.clients.producer import RecordProducer
from streams.domain.enums import RiskEventKind
from streams.domain.messages import RiskEvent
from streams.errors import ControlRefused, NoAnswer

TOPIC = "controls"
ANSWER_TIMEOUT_S = 30.0
POLL_S = 0.1


def command(settings: Settings, codec: Codec, control: ControlModel) -> RiskEvent:
    """Sends a command for one account and gives its answer.

    Raises ControlRefused where it changed nothing, NoAnswer where no worker answers in ANSWER_TIMEOUT_S.
    """
    assert control.account_id is not None
    with Follower(settings, codec, ["risk.events"]) as answers:
        producer = RecordProducer(settings, codec)
        producer.send(TOPIC, control.account_id, control.to_message())
        producer.flush()
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while time.monotonic() < deadline:
            for followed in answers.poll(POLL_S):
                event: RiskEvent = followed.message
                if event.control_id != control.control_id:
                    continue
                if event.kind is RiskEventKind.CONTROL_REJECTED:
                    raise ControlRefused(event.text)
                return event
    raise NoAnswer(f"control {control.control_id}: no answer in {ANSWER_TIMEOUT_S:.0f} s; does a `paper worker` run?")


def command_all(settings: Settings, codec: Codec, control: ControlModel) -> None:
    """Sends a command for all accounts: one copy to each account partition; every account's shard answers."""
    producer = RecordProducer(settings, codec)
    producer.broadcast(TOPIC, "", control.to_message())
    producer.flush()
