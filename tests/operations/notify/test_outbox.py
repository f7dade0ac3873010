"""Calm notices come one by one, those of quiet times and storms as a digest, and none is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from streams.operations.notify.notice import Notice, NoticePlace
from streams.operations.notify.notify_rules import NotifyRule
from streams.operations.notify.outbox import KEPT_MAX, REPEAT, Outbox

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def outbox(**fields: Any) -> Outbox:
    """Returns an outbox of a rule in Berlin, where noon in UTC is 14:00."""
    rule = NotifyRule.model_validate({"name": "r", "watch": "fills", "to": ["desk"]} | fields)
    return Outbox(rule, ZoneInfo("Europe/Berlin"))


def notice(number: int, is_repeat: bool = False) -> Notice:
    """Returns a notice of a record."""
    return Notice("Fill", f"fill {number}", "A", number, (NoticePlace("fills", 0, number),), is_repeat)


def bodies(box: Outbox, now: datetime) -> list[str]:
    """Delivers all that is due, and returns the texts."""
    found = []
    while message := box.due(now):
        found.append(message.body)
        box.sent(message, now)
    return found


def test_calm_notices_come_one_by_one() -> None:
    box = outbox()
    box.add(notice(1))
    box.add(notice(2))
    assert bodies(box, NOON) == ["fill 1", "fill 2"]
    assert not list(box.places())


def test_an_undelivered_message_stays() -> None:
    box = outbox()
    box.add(notice(1))
    assert box.due(NOON) == box.due(NOON)
    assert list(box.places()) == [NoticePlace("fills", 0, 1)]


def test_a_storm_ends_in_a_digest() -> None:
    box = outbox(messages=2, per_s=60)
    for number in range(5):
        box.add(notice(number))
    assert bodies(box, NOON) == ["fill 0", "fill 1"]
    assert bodies(box, NOON + timedelta(seconds=59)) == []
    (digest,) = bodies(box, NOON + timedelta(seconds=60))
    assert digest.splitlines() == ["3 x Fill", "- Fill: fill 2", "- Fill: fill 3", "- Fill: fill 4"]


def test_quiet_times_are_of_the_zone_and_end_in_a_digest() -> None:
    box = outbox(quiet=["13:30-14:30", "22:00-07:00"])
    box.add(notice(1))
    box.add(notice(2))
    assert bodies(box, NOON) == []
    assert bodies(box, NOON + timedelta(hours=9)) == []
    (digest,) = bodies(box, NOON + timedelta(minutes=30))
    assert digest.startswith("2 x Fill")


def test_a_night_takes_bounded_memory_and_holds_every_record() -> None:
    box = outbox(quiet=["13:30-14:30"])
    for number in range(KEPT_MAX * 3):
        box.add(notice(number))
    assert box.due(NOON) is None
    assert min(place.offset for place in box.places()) == 0
    message = box.due(NOON + timedelta(hours=1))
    assert message is not None
    assert message.body.startswith(f"{KEPT_MAX * 3} x Fill")
    assert message.body.endswith("… and 280 more")
    assert max(place.offset for place in message.places) == KEPT_MAX * 3 - 1
    box.sent(message, NOON)
    assert not list(box.places())
    assert box.due(NOON + timedelta(hours=1)) is None


def test_more_than_is_kept_is_a_storm_even_where_the_rule_allows_as_many() -> None:
    box = outbox(messages=KEPT_MAX)
    for number in range(KEPT_MAX + 5):
        box.add(notice(number))
    (digest,) = bodies(box, NOON)
    assert digest.startswith(f"{KEPT_MAX + 5} x Fill")


def test_a_repeat_is_marked() -> None:
    box = outbox(messages=1)
    box.add(notice(1))
    first = box.due(NOON)
    assert first is not None
    assert REPEAT not in first.title
    box.sent(first, NOON)
    box.add(notice(2))
    box.add(notice(3, is_repeat=True))
    assert box.due(NOON) is None
    digest = box.due(NOON + timedelta(hours=1))
    assert digest is not None
    assert digest.title == f"2 notices [r]{REPEAT}"
