"""Runs a rule over records: reads, filters, counts, delivers, and only then commits."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from zoneinfo import ZoneInfo

from infra.settings import Settings
from schemas.avro.codec import Codec
from streams.operations.notify.notice import NoticePlace
from streams.operations.notify.notice_targets import NoticeTargets
from streams.operations.notify.notify_rules import NotifyRule
from streams.operations.notify.outbox import Outbox
from streams.operations.notify.record_notice import WATCHED_TOPICS, record_notice
from streams.operations.notify.record_source import RecordSource
from streams.operations.notify.reject_rate import RejectRate


class RecordRule:
    """A rule that watches topics.

    wait: waits some seconds, and returns True as soon as the process stops.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        rule: NotifyRule,
        zone: ZoneInfo,
        targets: NoticeTargets,
        wait: Callable[[float], bool],
    ) -> None:
        """Raises LogUnavailable."""
        self._rule = rule
        self._targets = targets
        self._wait = wait
        self._outbox = Outbox(rule, zone)
        self._rate = RejectRate(rule.at_least, rule.within_s) if rule.watch == "rejects" else None
        self._source = RecordSource(settings, codec, rule.name, WATCHED_TOPICS[rule.watch], wait)

    def run(self) -> None:
        """Watches until the process stops. Raises LogUnavailable."""
        try:
            while not self._wait(0):
                self._read()
                self._deliver()
                self._source.commit(self._waiting())
        finally:
            self._source.close()

    def _read(self) -> None:
        for place, record, message, is_repeat in self._source.poll():
            notice = record_notice(self._rule, place, record, message, is_repeat)
            if notice is not None and self._rate is not None:
                notice = self._rate.take(notice)
            if notice is not None:
                self._outbox.add(notice)
        if self._rate is not None:
            self._rate.forget(time.time_ns())

    def _deliver(self) -> None:
        while message := self._outbox.due(datetime.now(UTC)):
            self._source.note_delivery(message.places, self._waiting())
            if not self._targets.deliver(self._rule.to, message, self._wait):
                return
            self._outbox.sent(message, datetime.now(UTC))
            self._source.commit(self._waiting())

    def _waiting(self) -> list[NoticePlace]:
        return list(chain(self._outbox.places(), self._rate.places() if self._rate else ()))
