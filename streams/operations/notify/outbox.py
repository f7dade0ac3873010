"""The notices that wait for delivery: one message each in calm times, digests after quiet times and in storms."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from streams.operations.notify.notice import Notice, NoticeMessage, NoticePlace
from streams.operations.notify.notify_rules import NotifyRule

KEPT_MAX = 100
"""Notices that are kept whole; of more only the headings are counted."""
LINES_MAX = 20
REPEAT = " (possibly repeated)"
"""The mark that FIX calls PossResend (tag 97)."""


class Outbox:
    """The waiting notices of a rule. zone: of its quiet times. Holds a bounded number of notices."""

    def __init__(self, rule: NotifyRule, zone: ZoneInfo) -> None:
        self._rule = rule
        self._zone = zone
        self._quiet = rule.quiet_times
        self._kept: list[Notice] = []
        self._counted: Counter[str] = Counter()
        self._counted_repeats = False
        self._counted_places: dict[tuple[str, int], tuple[int, int]] = {}
        self._sent_at: deque[datetime] = deque()
        self._wants_digest = False

    def add(self, notice: Notice) -> None:
        """Puts a notice at the end."""
        if len(self._kept) < KEPT_MAX:
            self._kept.append(notice)
            return
        self._wants_digest = True
        self._counted[notice.heading] += 1
        self._counted_repeats |= notice.is_repeat
        _widen(self._counted_places, notice.places)

    def due(self, now: datetime) -> NoticeMessage | None:
        """Returns the message to deliver at a time, if there is one. `sent` removes it."""
        if not self._kept:
            return None
        span = timedelta(seconds=self._rule.per_s)
        while self._sent_at and now - self._sent_at[0] >= span:
            self._sent_at.popleft()
        local = now.astimezone(self._zone).time()
        if any(quiet.has(local) for quiet in self._quiet) or len(self._sent_at) >= self._rule.messages:
            self._wants_digest = True
            return None
        if self._wants_digest and len(self._kept) > 1:
            return self._digest()
        first = self._kept[0]
        return NoticeMessage(self._title(first.heading, first.is_repeat), first.text, (first,), first.places)

    def sent(self, message: NoticeMessage, now: datetime) -> None:
        """Removes a message that was delivered."""
        self._sent_at.append(now)
        del self._kept[: len(message.notices)]
        if not self._kept or len(message.notices) > 1:
            self._counted.clear()
            self._counted_places.clear()
            self._counted_repeats = self._wants_digest = False

    def places(self) -> Iterable[NoticePlace]:
        """Yields the records of all waiting notices; of those only counted, the first and last of each partition."""
        for notice in self._kept:
            yield from notice.places
        yield from self._ends_of_counted()

    def _ends_of_counted(self) -> Iterable[NoticePlace]:
        for (topic, partition), ends in self._counted_places.items():
            for offset in ends:
                yield NoticePlace(topic, partition, offset)

    def _digest(self) -> NoticeMessage:
        counts = Counter(notice.heading for notice in self._kept) + self._counted
        lines = [f"{count} x {heading}" for heading, count in counts.most_common()]
        lines += [f"- {notice.heading}: {notice.text}" for notice in self._kept[:LINES_MAX]]
        if more := counts.total() - min(len(self._kept), LINES_MAX):
            lines.append(f"… and {more} more")
        repeats = self._counted_repeats or any(notice.is_repeat for notice in self._kept)
        title = self._title(f"{counts.total()} notices", repeats)
        return NoticeMessage(title, "\n".join(lines), tuple(self._kept), tuple(self.places()))

    def _title(self, heading: str, is_repeat: bool) -> str:
        return f"{heading} [{self._rule.name}]{REPEAT if is_repeat else ''}"


def _widen(ends: dict[tuple[str, int], tuple[int, int]], places: Iterable[NoticePlace]) -> None:
    for topic, partition, offset in places:
        first, last = ends.get((topic, partition), (offset, offset))
        ends[topic, partition] = min(first, offset), max(last, offset)
