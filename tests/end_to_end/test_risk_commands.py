"""Operators' commands end to end, as a person types them. A killed worker forgets none of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.end_to_end.processes import paper, running, told
from tests.fuzz.live import WORKS

ORDER = ("orders", "submit", "ACME.SIM", "BUY", "5", "--account", "hand", "--json")


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def test_kill_limits_and_status_survive_a_killed_worker(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker") as worker:
        told(settings, "session", "open", "--account", "hand", "--strategy", "s1")
        told(settings, "session", "open", "--account", "other", "--strategy", "s2")
        told(settings, "feed", "--synthetic", "--seconds", "5")
        unknown = told(settings, "risk", "kill", "--strategy", "s", "--reason", "mistyped", code=1)
        assert "strategy s is not known, so nothing is sent; known are: s1, s2" in unknown
        assert "strategy s1 is killed" in told(settings, "risk", "kill", "--strategy", "s1", "--reason", "runaway")
        told(settings, "risk", "limits", "set", "max_position=7", "--account", "hand", "--reason", "small")
        worker.kill()
    with running(settings, tmp_path, "worker") as worker:
        worker.await_log(WORKS)
        assert "KILLED" in told(settings, *ORDER, code=1)
        status = {
            row["account"]: row for row in map(json.loads, told(settings, "risk", "status", "--json").splitlines())
        }
        assert (status["hand"]["killed"], status["other"]["killed"]) == ("strategy s1", None)
        assert "is not killed" in told(settings, "risk", "resume", "--all", "--reason", "x", code=1)
        assert "may trade again" in told(settings, "risk", "resume", "--strategy", "s1", "--reason", "mended")
        assert "FILL" in told(settings, *ORDER)
        assert "MAX_POSITION" in told(settings, *ORDER, code=1)
        closed = told(settings, "risk", "kill", "--strategy", "s1", "--flatten", "--reason", "enough").splitlines()
        assert closed[0] == "closes 5 ACME.SIM of account hand"
        assert "strategy s1 is killed" in closed[1]
        assert closed[2] == "5 ACME.SIM of account hand waits for the next quote of ACME.SIM"
        shown = json.loads(told(settings, "risk", "limits", "show", "--account", "hand"))
        assert "7" in json.dumps(shown["max_position"])


def test_a_breaker_that_tripped_before_the_kill_stops_the_next_order_after_it(
    settings: Settings, tmp_path: Path
) -> None:
    with running(settings, tmp_path, "worker") as worker:
        told(settings, "session", "open", "--account", "hand")
        told(settings, "feed", "--synthetic", "--seconds", "5")
        breaker = 'breakers.pace={"kind": "frequency", "limit": 2, "window_ms": 3600000}'
        told(settings, "risk", "limits", "set", breaker, "--account", "hand", "--reason", "drill")
        for _ in range(2):
            paper(settings, *ORDER)
        shown = told(settings, "risk", "breakers", "show", "--account", "hand", "--json").splitlines()
        assert {row["breaker"]: row["state"] for row in map(json.loads, shown)}["pace"] == "OPEN"
        worker.kill()
    with running(settings, tmp_path, "worker") as worker:
        worker.await_log(WORKS)
        assert "BREAKER_OPEN" in told(settings, *ORDER, code=1)
        assert "OPEN" in told(settings, "risk", "status", "--account", "hand", "--json")
        assert "there is no breaker" in told(settings, "risk", "breakers", "reset", "x", "--reason", "y", code=1)
        reset = ("risk", "breakers", "reset", "pace", "--account", "hand", "--reason", "mended")
        assert "is CLOSED, was OPEN" in told(settings, *reset)
        assert "FILL" in told(settings, *ORDER)


def test_wrong_risk_commands_say_what_is_wrong(settings: Settings) -> None:
    assert "name one of" in told(settings, "risk", "kill", "--reason", "x", code=2)
    assert "name one of" in told(settings, "risk", "kill", "--all", "--symbol", "A", "--reason", "x", code=2)
    assert "NAME=VALUE" in told(settings, "risk", "limits", "set", "max_position", "--reason", "x", code=2)
    assert "known are: none" in told(settings, "risk", "kill", "--account", "nobody", "--reason", "x", code=1)
    assert "has no session" in told(settings, "risk", "limits", "show", "--account", "nobody", code=1)
