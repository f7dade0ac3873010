"""`paper notify` tells of records at least once, and marks what it may have told before it was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.settings import Settings
from schemas.records.enums import RiskEventKind
from schemas.records.messages import RiskEvent
from tests.end_to_end.desk import Desk
from tests.end_to_end.processes import Background, done, running, told
from tests.operations.notify.receiver import Received, Receiver, receiver

RULES = """
[target]
desk = "{url}"

[[rule]]
name = "kills"
watch = "risk-events"
kinds = ["KILLED"]
to = ["desk"]

[[rule]]
name = "refusals"
watch = "rejects"
at_least = 3
within_s = 3600
to = ["desk"]

[[rule]]
name = "letters"
watch = "dead-letters"
to = ["desk"]
"""


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running_hook:
        yield running_hook


class Scene:
    """A pipeline with a rules file and a webhook."""

    def __init__(self, settings: Settings, folder: Path, hook: Receiver) -> None:
        self.settings, self.folder, self.hook = settings, folder, hook
        self.desk = Desk(settings)
        self.rules = folder / "rules.toml"
        self.rules.write_text(RULES.format(url=hook.url))

    def event(self, name: str, kind: RiskEventKind = RiskEventKind.KILLED) -> None:
        """Writes a risk event of account A."""
        empty = (None, None, None, None, name, None, None, None, None)
        self.desk.send("risk.events", "A", RiskEvent(name, kind, "A", *empty, 0))
        self.desk.flush()

    def start(self, name: str) -> Background:
        """Starts the command and waits until its rules have their places."""
        background = Background(self.settings, self.folder / name, "notify", "--rules", str(self.rules))
        background.await_log("rules have their places")
        return background


def dying(command: Background) -> Callable[[], bool]:
    """Returns what kills the command while it waits for the answer to its message."""

    def refuse() -> bool:
        command.kill()
        return False

    return refuse


def killed(name: str, mark: str = "") -> Received:
    """Returns the message of a kill."""
    return Received(f"Killed [kills]{mark}", f"A: {name}")


def test_records_are_told_once_and_after_a_kill_at_least_once(
    pipeline_settings: Settings, tmp_path: Path, hook: Receiver
) -> None:
    scene = Scene(pipeline_settings, tmp_path, hook)
    scene.event("history")
    command = scene.start("first.log")
    try:
        scene.event("first")
        assert hook.next() == killed("first")

        # Killed when the target has the message and the command does not know it.
        hook.on_message = dying(command)
        scene.event("second")
        assert hook.next() == killed("second")
        hook.on_message = lambda: True
        scene.event("third")

        command = scene.start("second.log")
        assert [hook.next(), hook.next()] == [killed("second", " (possibly repeated)"), killed("third")]
    finally:
        assert command.stop() == 0

    # Two refusals count on over a restart; the third makes the notice.
    for number in (1, 2):
        scene.event(f"r{number}", RiskEventKind.ORDER_REJECTED)
    with running(scene.settings, tmp_path, "notify", "--rules", str(scene.rules)) as last:
        last.await_log("rules have their places")
        assert "another" in told(scene.settings, "notify", "--rules", str(scene.rules), code=1)
        scene.event("r3", RiskEventKind.ORDER_REJECTED)
        text = "A: 3 refused within 3600 s; the last: A: r3"
        assert hook.next() == Received("Refused orders [refusals]", text)
        scene.desk.send_bytes("dlq.orders", b"A", b"anything")
        scene.desk.flush()
        assert hook.next().title == "Dead letter on dlq.orders [letters]"
    assert hook.messages.empty()


def test_targets_are_tried(stack: Settings, tmp_path: Path, hook: Receiver) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format(url=hook.url))
    assert done(stack, "notify", "test", "--rules", str(rules)) == "desk: delivered\n"
    assert hook.next().title == "Test of paper notify"
    hook.on_message = lambda: False
    assert "desk: NOT DELIVERED" in done(stack, "notify", "test", "--rules", str(rules), code=1)
    assert "no such target; known: desk" in told(stack, "notify", "test", "--rules", str(rules), "--to", "x", code=1)
    rules.write_text(RULES.format(url="nothing://secret"))
    refusal = told(stack, "notify", "test", "--rules", str(rules), code=1)
    assert "target desk: its URL is none of Apprise" in refusal
    assert "secret" not in refusal
