"""Operators' commands end to end, as a person types them. A killed worker forgets none of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.end_to_end.processes import paper, running

ORDER = ("orders", "submit", "ACME.SIM", "BUY", "5", "--account", "hand", "--json")


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def done(settings: Settings, *arguments: str, code: int = 0) -> str:
    result = paper(settings, *arguments)
    assert result.returncode == code, f"paper {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}"
    return result.stdout + result.stderr


def test_kill_limits_and_status_survive_a_killed_worker(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker") as worker:
        done(settings, "session", "open", "--account", "hand", "--strategy", "s1")
        done(settings, "session", "open", "--account", "other", "--strategy", "s2")
        done(settings, "feed", "--synthetic", "--seconds", "5")
        unknown = done(settings, "risk", "kill", "--strategy", "s", "--reason", "mistyped", code=1)
        assert "strategy s is not known, so nothing is sent; known are: s1, s2" in unknown
        assert "strategy s1 is killed" in done(settings, "risk", "kill", "--strategy", "s1", "--reason", "runaway")
        done(settings, "risk", "limits", "set", "max_position=7", "--account", "hand", "--reason", "small")
        worker.kill()
    with running(settings, tmp_path, "worker"):
        assert "KILLED" in done(settings, *ORDER, code=1)
        status = {
            row["account"]: row for row in map(json.loads, done(settings, "risk", "status", "--json").splitlines())
        }
        assert (status["hand"]["killed"], status["other"]["killed"]) == ("strategy s1", None)
        assert "is not killed" in done(settings, "risk", "resume", "--all", "--reason", "x", code=1)
        assert "may trade again" in done(settings, "risk", "resume", "--strategy", "s1", "--reason", "mended")
        assert "FILL" in done(settings, *ORDER)
        assert "MAX_POSITION" in done(settings, *ORDER, code=1)
        closed = done(settings, "risk", "kill", "--strategy", "s1", "--flatten", "--reason", "enough").splitlines()
        assert closed[0] == "closes 5 ACME.SIM of account hand"
        assert "strategy s1 is killed" in closed[1]
        assert closed[2] == "5 ACME.SIM of account hand waits for the next quote of ACME.SIM"
        shown = json.loads(done(settings, "risk", "limits", "show", "--account", "hand"))
        assert "7" in json.dumps(shown["max_position"])


def test_a_breaker_that_tripped_before_the_kill_stops_the_next_order_after_it(
    settings: Settings, tmp_path: Path
) -> None:
    with running(settings, tmp_path, "worker") as worker:
        done(settings, "session", "open", "--account", "hand")
        done(settings, "feed", "--synthetic", "--seconds", "5")
        breaker = 'breakers.pace={"kind": "frequency", "limit": 2, "window_ms": 3600000}'
        done(settings, "risk", "limits", "set", breaker, "--account", "hand", "--reason", "drill")
        for _ in range(2):
            paper(settings, *ORDER)
        shown = done(settings, "risk", "breakers", "show", "--account", "hand", "--json").splitlines()
        assert {row["breaker"]: row["state"] for row in map(json.loads, shown)}["pace"] == "OPEN"
        worker.kill()
    with running(settings, tmp_path, "worker"):
        assert "BREAKER_OPEN" in done(settings, *ORDER, code=1)
        assert "OPEN" in done(settings, "risk", "status", "--account", "hand", "--json")
        assert "there is no breaker" in done(settings, "risk", "breakers", "reset", "x", "--reason", "y", code=1)
        reset = ("risk", "breakers", "reset", "pace", "--account", "hand", "--reason", "mended")
        assert "is CLOSED, was OPEN" in done(settings, *reset)
        assert "FILL" in done(settings, *ORDER)


def test_wrong_risk_commands_say_what_is_wrong(settings: Settings) -> None:
    assert "name one of" in done(settings, "risk", "kill", "--reason", "x", code=2)
    assert "name one of" in done(settings, "risk", "kill", "--all", "--symbol", "A", "--reason", "x", code=2)
    assert "NAME=VALUE" in done(settings, "risk", "limits", "set", "max_position", "--reason", "x", code=2)
    assert "known are: none" in done(settings, "risk", "kill", "--account", "nobody", "--reason", "x", code=1)
    assert "has no session" in done(settings, "risk", "limits", "show", "--account", "nobody", code=1)
