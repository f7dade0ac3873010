"""The commands of operators through the service: kill and resume of an account."""

from __future__ import annotations

import time
from uuid import uuid4

from pydantic import ValidationError

from schemas.records.enums import ControlKind, RiskEventKind
from schemas.records.messages import RiskEvent
from streams.errors import DeliveryError
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.clients.request_models import ControlModel
from streams.serve.desk_view import DeskView
from streams.serve.order_desk import first_fault
from streams.serve.service_problem import ServiceProblem, broken_rule, not_reached

ANSWERED_S = 10.0
"""Longest time that a command waits for its answer."""


class ControlDesk:
    """Sends commands for one account each, and waits for their answers."""

    def __init__(self, view: DeskView, producer: RecordProducer) -> None:
        self._view, self._producer = view, producer

    def kill(self, account_id: str, actor: str, reason: str, flatten: bool) -> RiskEvent:
        """Stops an account and cancels its working orders. flatten: closes positions. Raises ServiceProblem."""
        return self._send(ControlKind.KILL, account_id, actor, reason, flatten)

    def resume(self, account_id: str, actor: str, reason: str) -> RiskEvent:
        """Lets a killed account trade again. Raises ServiceProblem."""
        return self._send(ControlKind.RESUME, account_id, actor, reason, False)

    def _send(self, kind: ControlKind, account_id: str, actor: str, reason: str, flatten: bool) -> RiskEvent:
        try:
            control = ControlModel(
                control_id=uuid4().hex,
                kind=kind,
                account_id=account_id,
                actor=actor,
                reason=reason.strip(),
                ts=time.time_ns(),
                flatten=flatten,
            )
        except ValidationError as error:
            raise broken_rule(first_fault(error)) from error
        try:
            self._producer.send("controls", account_id, control.to_message())
            self._producer.flush()
        except DeliveryError as error:
            raise not_reached(f"Kafka did not take the command: {error}; send it again") from error
        answer = self._view.await_control(control.control_id, ANSWERED_S)
        if answer is None:
            raise not_reached(f"no worker has answered in {ANSWERED_S:.0f} s; the command takes effect once one runs")
        if answer.kind is RiskEventKind.CONTROL_REJECTED:
            raise ServiceProblem(409, "refused", answer.text)
        return answer
