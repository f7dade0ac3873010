"""Sends control commands and waits for their answers on risk.events."""

import time

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
    assert control.account_id is not None
    (answer, *_) = _send(settings, codec, control, answering=1)
    return answer


def send_control_to_all(settings: Settings, codec: Codec, control: ControlModel) -> list[RiskEvent]:
    """Sends a command for all accounts, a copy to each account partition, and returns the answers of all shards.

    A reset of a desk breaker is answered only by the shard that evaluates the desk's breakers.

    Raises as send_control does. A shard that has not answered in time may still execute the command.
    """
    answering = 1 if control.kind is ControlKind.BREAKER_RESET else partition_count(settings, TOPIC)
    return _send(settings, codec, control, answering)


def _send(settings: Settings, codec: Codec, control: ControlModel, answering: int) -> list[RiskEvent]:
    found: list[RiskEvent] = []
    answered: set[int] = set()
    with Follower(settings, codec, ["risk.events"]) as answers:
        producer = RecordProducer(settings, codec)
        if control.account_id is None:
            producer.broadcast(TOPIC, "", control.to_message())
        else:
            producer.send(TOPIC, control.account_id, control.to_message())
        producer.flush()
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while len(answered) < answering and time.monotonic() < deadline:
            for followed in answers.poll(POLL_S):
                event: RiskEvent = followed.message
                if event.control_id == control.control_id:
                    found.append(event)
                    answered.add(followed.partition)
    if len(answered) < answering:
        raise NoAnswer(
            f"control {control.control_id}: {len(answered)} of {answering} account shards answered in "
            f"{ANSWER_TIMEOUT_S:.0f} s; it stays on {TOPIC} and takes effect once a `paper worker` runs"
        )
    refused = [event.text for event in found if event.kind is RiskEventKind.CONTROL_REJECTED]
    if refused:
        raise ControlRefused("; ".join(dict.fromkeys(refused)))
    return found
