"""Sends control commands and waits for their answers on risk.events."""

import time
from collections.abc import Mapping, Sequence

from infra.kafka.topics import partition_count
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import ControlKind, RiskEventKind
from schemas.records.messages import RiskEvent
from streams.errors import ControlRefused, NoAnswer
from streams.pipeline.clients.follow import Follower
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.clients.request_models import ControlModel

TOPIC = "controls"
ANSWER_TIMEOUT_S = 30.0
POLL_S = 0.1


def send_control(settings: Settings, codec: Codec, control: ControlModel) -> RiskEvent:
    """Sends a command for one account and returns its answer.

    Raises ControlRefused if it changed nothing, NoAnswer if no worker answers within ANSWER_TIMEOUT_S.
    """
    return send_controls(settings, codec, [control])[0]


def send_controls(settings: Settings, codec: Codec, controls: Sequence[ControlModel]) -> list[RiskEvent]:
    """Sends commands, each for one account, at once, and returns the answer to each, in their order.

    Raises as send_control does.
    """
    assert all(control.account_id is not None for control in controls)
    answers = {event.control_id: event for event in reversed(_send(settings, codec, controls, answering=1))}
    return [answers[control.control_id] for control in controls]


def send_control_to_all(settings: Settings, codec: Codec, control: ControlModel) -> list[RiskEvent]:
    """Sends a command for all accounts, a copy to each account partition, and returns the answers of all shards.

    A reset of a desk breaker is answered only by the shard that evaluates the desk's breakers.

    Raises as send_control does. A shard that has not answered in time may still execute the command.
    """
    answering = 1 if control.kind is ControlKind.BREAKER_RESET else partition_count(settings, TOPIC)
    return _send(settings, codec, [control], answering)


def _send(settings: Settings, codec: Codec, controls: Sequence[ControlModel], answering: int) -> list[RiskEvent]:
    """Sends commands, and returns what the given number of shards has answered to each."""
    found: list[RiskEvent] = []
    answered: dict[str, set[int]] = {control.control_id: set() for control in controls}
    with Follower(settings, codec, ["risk.events"]) as answers:
        producer = RecordProducer(settings, codec)
        for control in controls:
            if control.account_id is None:
                producer.broadcast(TOPIC, "", control.to_message())
            else:
                producer.send(TOPIC, control.account_id, control.to_message())
        producer.flush()
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while _unanswered(answered, answering) and time.monotonic() < deadline:
            for followed in answers.poll(POLL_S):
                event: RiskEvent = followed.message
                if event.control_id in answered:
                    found.append(event)
                    answered[event.control_id].add(followed.partition)
    if silent := _unanswered(answered, answering):
        raise NoAnswer(
            f"control {silent[0]}: {len(answered[silent[0]])} of {answering} account shards answered in "
            f"{ANSWER_TIMEOUT_S:.0f} s; it stays on {TOPIC} and takes effect once a `paper worker` runs"
        )
    refused = [event.text for event in found if event.kind is RiskEventKind.CONTROL_REJECTED]
    if refused:
        raise ControlRefused("; ".join(dict.fromkeys(refused)))
    return found


def _unanswered(answered: Mapping[str, set[int]], answering: int) -> list[str]:
    return [control_id for control_id, shards in answered.items() if len(shards) < answering]
