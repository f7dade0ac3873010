"""The live campaign: a running pipeline, garbage over all its topics, and good orders that must not wait."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from infra.principal import ADMIN
from infra.settings import Settings
from tests import builders, stacks
from tests.end_to_end.desk import Desk
from tests.end_to_end.processes import paper, running
from tests.fuzz.garbage import Thrower, await_letters
from tests.fuzz.order_flow import ACCOUNTS, NO_LIMIT, OrderFlow, Waits

WORKS = "Worker ready"
GARBAGE_RATE = 5_000.0
WARM_UP_S = 40.0
"""Time of orders alone, in which the compilers of a fresh broker and registry take a core from the pipeline."""
WAIT_S_MAX = 2.0
COMPLAINT_CHARS = 3_000


class LiveResult(NamedTuple):
    """The outcome of garbage on a running pipeline.

    wrong_letters: records whose number of letters is not one. reconcile, verify: complaints of these commands.
    """

    mode: str
    waits: Waits
    accepted: int
    denied: int
    wrong_letters: int
    extra_letters: int
    reconcile: str
    verify: str

    @property
    def broken(self) -> list[str]:
        """The promises that broke."""
        found = {
            f"an order waited {self.waits.longest_s:.2f} s": self.waits.longest_s > WAIT_S_MAX,
            f"{self.waits.lost} orders have no result": self.waits.lost > 0,
            f"{self.wrong_letters} bad records do not have one dead letter": self.wrong_letters > 0,
            f"{self.extra_letters} dead letters of good records": self.extra_letters > 0,
            f"paper reconcile: {self.reconcile}": self.reconcile != "",
            f"paper replay verify: {self.verify}": self.verify != "",
        }
        return [text for text, is_broken in found.items() if is_broken]


def as_admin(settings: Settings) -> Settings:
    """Returns the settings of a test's own clients, which may do anything."""
    return settings.model_copy(update={"kafka_principal": ADMIN}) if settings.kafka_security == "scram" else settings


def open_accounts(settings: Settings) -> None:
    """Opens the accounts of the order flow and sends a quote."""
    desk = Desk(as_admin(settings))
    desk.open_account(ACCOUNTS[0])
    for account in ACCOUNTS[1:]:
        desk.send("controls", account, builders.opening(account, limits=NO_LIMIT))
    desk.quote(0)
    desk.flush()


def throw_while_orders_flow(
    settings: Settings, records: int, rate: float, seed: int, garbage_rate: float = GARBAGE_RATE, warm_up_s: float = 0.0
) -> LiveResult:
    """Throws garbage at a running pipeline with open accounts, and counts what became of it and of the orders."""
    thrower = Thrower(settings, seed)
    with OrderFlow(as_admin(settings), rate) as flow:
        flow.await_results(int(rate * warm_up_s))
        flow.begin_count()
        thrower.throw(records, garbage_rate)
        found = await_letters(as_admin(settings), thrower.accepted)
        waits = flow.stop()
    wrong = sum(found[place] != 1 for place in thrower.accepted)
    return LiveResult(
        mode=settings.kafka_security,
        waits=waits,
        accepted=len(thrower.accepted),
        denied=thrower.denied.total(),
        wrong_letters=wrong,
        extra_letters=len(found.keys() - thrower.accepted),
        reconcile=_complaint(settings, "reconcile"),
        verify=_complaint(settings, "replay", "verify"),
    )


def _complaint(settings: Settings, *command: str) -> str:
    """Returns the end of a command's answer if it fails, else an empty text."""
    done = paper(settings, *command)
    return (done.stdout or done.stderr)[-COMPLAINT_CHARS:] if done.returncode else ""


@contextmanager
def live_stack(mode: str) -> Iterator[Settings]:
    """Yields the settings of a stack of its own in a temporary folder, with a prepared pipeline."""
    with tempfile.TemporaryDirectory(prefix="paper-fuzz-") as folder:
        settings = stacks.free_settings(Path(folder)).model_copy(update={"mock_trading": False, "kafka_security": mode})
        with stacks.native(settings):
            yield settings


def run_live(mode: str, records: int, rate: float, seed: int, garbage_rate: float) -> LiveResult:
    """Runs a whole live campaign."""
    with live_stack(mode) as settings, tempfile.TemporaryDirectory(prefix="paper-fuzz-logs-") as folder:
        logs = Path(folder)
        with running(settings, logs, "sink"), running(settings, logs, "worker") as worker:
            worker.await_log(WORKS)
            print(f"{mode}: the stack runs", file=sys.stderr, flush=True)
            open_accounts(settings)
            return throw_while_orders_flow(settings, records, rate, seed, garbage_rate, WARM_UP_S)
