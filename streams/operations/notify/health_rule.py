"""Runs a rule over the health: tells when a condition begins, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from infra.settings import Settings
from streams.operations.health.health import Health
from streams.operations.notify.health_conditions import COUNTED, Condition, conditions
from streams.operations.notify.notice import Notice, one_line
from streams.operations.notify.notice_targets import NoticeTargets
from streams.operations.notify.notify_rules import NotifyRule
from streams.operations.notify.outbox import Outbox
from streams.operations.notify.told_conditions import ToldConditions

EVERY_S = 10.0
OVER = "over "


class HealthRule:
    """A rule that watches the health.

    observe: reads the health, or returns None if that failed. wait: as of RecordRule.
    """

    def __init__(
        self,
        settings: Settings,
        rule: NotifyRule,
        zone: ZoneInfo,
        targets: NoticeTargets,
        observe: Callable[[], Health | None],
        wait: Callable[[float], bool],
    ) -> None:
        self._rule = rule
        self._targets = targets
        self._observe = observe
        self._wait = wait
        self._outbox = Outbox(rule, zone)
        self._told = ToldConditions(settings, rule.name)
        self._known: set[str] = self._told.keys()
        self._queued: set[str] = set()

    def run(self) -> None:
        """Watches until the process stops. Raises OSError if PAPER_HOME can't be written."""
        while True:
            if (health := self._observe()) is not None:
                self._note(health)
            self._deliver()
            if self._wait(EVERY_S):
                return

    def _note(self, health: Health) -> None:
        found = [
            item
            for item in conditions(health, self._rule.lag_s)
            if not self._rule.kinds or item.kind in self._rule.kinds
        ]
        if self._told.is_new:
            self._known = {_key(item) for item in found if item.kind in COUNTED}
            self._told.replace(self._known)
        self._note_ends({_key(item) for item in found})
        self._note_begins(found)

    def _note_begins(self, found: Iterable[Condition]) -> None:
        for item in found:
            if (key := _key(item)) not in self._known:
                self._queue(f"Health: {item.kind}", item.text, key)

    def _note_ends(self, held: set[str]) -> None:
        for key in sorted(self._known - held):
            kind, _, name = key.partition(" ")
            if kind in COUNTED:
                self._known.discard(key)
            else:
                self._queue(f"Health: {kind} over", f"{name or kind} is well again", OVER + key)

    def _queue(self, heading: str, text: str, key: str) -> None:
        if key not in self._queued:
            self._queued.add(key)
            is_repeat = self._told.may_have_been_told(key)
            self._outbox.add(Notice(heading, one_line(text), key, time.time_ns(), (), is_repeat))

    def _deliver(self) -> None:
        while message := self._outbox.due(datetime.now(UTC)):
            keys = {notice.key for notice in message.notices}
            self._told.begin(keys)
            if not self._targets.deliver(self._rule.to, message, self._wait):
                return
            self._outbox.sent(message, datetime.now(UTC))
            ended = {key for key in keys if key.startswith(OVER)}
            self._known |= keys - ended
            self._known -= {key.removeprefix(OVER) for key in ended}
            self._queued -= keys
            self._told.replace(self._known)


def _key(item: Condition) -> str:
    return f"{item.kind} {item.key}".rstrip()
