"""A condition is told when it begins and when it ends, once, also over restarts; a repeat is marked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from infra.settings import Settings
from streams.operations.health.health import Health, PartitionLag, ProcessHealth
from streams.operations.notify.health_rule import HealthRule
from streams.operations.notify.notice_targets import NoticeTargets
from streams.operations.notify.notify_rules import NotifyRule
from tests.operations.notify.receiver import Received, Receiver, receiver

RULE = NotifyRule.model_validate({"name": "health", "watch": "health", "to": ["desk"], "lag_s": 30})
WELL = Health("", [], [], {}, [], [], None, [])
LATE = WELL._replace(lag=[PartitionLag("sink", "fills", 0, 9, 31.0, 1), PartitionLag("sink", "fills", 1, 9, 40.0, 1)])
RESTARTED = WELL._replace(processes=[ProcessHealth("sink", 1, 2, "signal SIGKILL")])
LAG = Received("Health: lag [health]", "sink is 40 s behind on fills")


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


class Watch:
    """A rule whose every run observes once."""

    def __init__(self, home: Path, hook: Receiver) -> None:
        self._hook = hook
        self._health = WELL
        settings, targets = Settings(_env_file=None, paper_home=home), NoticeTargets({"desk": hook.url})
        self._rule = HealthRule(settings, RULE, ZoneInfo("UTC"), targets, lambda: self._health, lambda seconds: True)

    def sees(self, health: Health) -> list[Received]:
        """Observes a health, and returns what people were told of it."""
        self._health = health
        self._rule.run()
        return [self._hook.messages.get() for _ in range(self._hook.messages.qsize())]


def test_a_condition_is_told_once_and_its_end_too(tmp_path: Path, hook: Receiver) -> None:
    watch = Watch(tmp_path, hook)
    assert watch.sees(WELL) == []
    assert watch.sees(LATE) == [LAG]
    assert watch.sees(LATE) == []
    assert watch.sees(WELL) == [Received("Health: lag over [health]", "sink fills is well again")]
    assert watch.sees(LATE) == [LAG]


def test_a_restart_tells_nothing_again_and_forgets_no_end(tmp_path: Path, hook: Receiver) -> None:
    assert Watch(tmp_path, hook).sees(LATE) == [LAG]
    assert Watch(tmp_path, hook).sees(LATE) == []
    assert Watch(tmp_path, hook).sees(WELL) == [Received("Health: lag over [health]", "sink fills is well again")]
    assert Watch(tmp_path, hook).sees(WELL) == []


def test_what_was_counted_before_the_first_run_is_history(tmp_path: Path, hook: Receiver) -> None:
    watch = Watch(tmp_path, hook)
    assert watch.sees(RESTARTED) == []
    again = RESTARTED._replace(processes=[ProcessHealth("sink", 1, 3, "signal SIGKILL")])
    text = "sink was restarted, 3 times by now; it ended by signal SIGKILL"
    assert watch.sees(again) == [Received("Health: restart [health]", text)]
    assert watch.sees(WELL) == []


@pytest.mark.parametrize("health", [LATE, WELL])
def test_what_a_target_may_have_is_told_again_with_a_mark(tmp_path: Path, hook: Receiver, health: Health) -> None:
    if health is WELL:
        Watch(tmp_path, hook).sees(LATE)
    hook.on_message = lambda: False
    (refused,) = Watch(tmp_path, hook).sees(health)
    hook.on_message = lambda: True
    (repeated,) = Watch(tmp_path, hook).sees(health)
    assert repeated == Received(f"{refused.title} (possibly repeated)", refused.body)


def test_a_broken_file_tells_what_holds_again(tmp_path: Path, hook: Receiver) -> None:
    Watch(tmp_path, hook).sees(LATE)
    (tmp_path / "run" / "health.notify.json").write_text("[]")
    assert Watch(tmp_path, hook).sees(LATE) == [LAG]
