"""Runs all rules side by side, a thread for each, until the process stops or a rule fails."""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from zoneinfo import ZoneInfo

from infra.membership import member_id
from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.operations.health.health_collector import HealthCollector
from streams.operations.health.observer import Observer
from streams.operations.notify.health_rule import HealthRule
from streams.operations.notify.notice_targets import NoticeTargets
from streams.operations.notify.notify_rules import NotifyRule, NotifyRules
from streams.operations.notify.record_rule import RecordRule

MEMBER = "notify"

log = logging.getLogger(__name__)


class Notifier:
    """The rules of a file over a pipeline. One of them runs for a pipeline on a machine."""

    def __init__(self, settings: Settings, rules: NotifyRules, targets: NoticeTargets) -> None:
        self._settings = settings
        self._rules = rules
        self._targets = targets
        self._stop = Event()

    def run(self) -> None:
        """Watches until `stop`. Raises MemberIdTaken if another one runs, LogUnavailable, OSError."""
        with member_id(self._settings, MEMBER, MEMBER), ThreadPoolExecutor(len(self._rules.rule)) as threads:
            try:
                ready = [self._made(rule) for rule in self._rules.rule]
                log.info("all rules have their places")
                running = [threads.submit(made.run) for made in ready]
                for ended in wait(running, return_when=FIRST_EXCEPTION).done:
                    ended.result()
            finally:
                self.stop()

    def stop(self) -> None:
        """Ends all rules soon."""
        self._stop.set()

    def _made(self, rule: NotifyRule) -> RecordRule | HealthRule:
        zone = ZoneInfo(self._rules.timezone)
        if rule.watch == "health":
            observer = Observer(HealthCollector(self._settings).collect)
            return HealthRule(self._settings, rule, zone, self._targets, observer.observe, self._stop.wait)
        codec = Codec(Registry(self._settings))
        return RecordRule(self._settings, codec, rule, zone, self._targets, self._stop.wait)
