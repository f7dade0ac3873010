"""Limits on the command line: every limit there is, the same for `session open` and `risk limits set`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from infra import principal
from infra import settings as infra_settings
from infra.settings import Settings
from schemas.records.enums import RiskEventKind
from schemas.records.messages import Control, RiskEvent
from streams.cli.app import app
from streams.cli.limit_changes import limit_changes
from streams.core.risk.limits import RiskLimits
from streams.pipeline.clients import control_commands
from streams.pipeline.clients.request_models import ControlModel
from streams.pipeline.reference.presets import preset_patch

BREAKER = {"kind": "loss", "percent": "5", "flatten": True}
WORDS: dict[str, tuple[list[str], Any]] = {
    "message_rate": (["message_rate=50", "message_rate.window_ms=500"], {"limit": "50", "window_ms": "500"}),
    "order_rate": (["order_rate.limit=20"], {"limit": "20"}),
    "order_rate_per_symbol": (["order_rate_per_symbol=5"], "5"),
    "restricted": (['restricted=["AIG.US"]'], ["AIG.US"]),
    "order_types": (['order_types.allowed=["LIMIT"]'], {"allowed": ["LIMIT"]}),
    "times_in_force": (['times_in_force=["DAY", "IOC"]'], ["DAY", "IOC"]),
    "min_order_quantity": (["min_order_quantity=10"], "10"),
    "max_order_quantity": (["max_order_quantity=1e3"], "1e3"),
    "min_order_notional": (["min_order_notional=0.5"], "0.5"),
    "max_order_notional": (["max_order_notional=null"], None),
    "stale_mark": (["stale_mark=60000"], "60000"),
    "price_collar": (['price_collar={"percent": "10", "ticks": 50}'], {"percent": "10", "ticks": "50"}),
    "session_hours": (["session_hours=true"], True),
    "repeated_order": (["repeated_order=false"], False),
    "cancel_ratio": (["cancel_ratio.soft=0.5", "cancel_ratio=100"], {"soft": "0.5", "limit": "100"}),
    "max_open_orders": (["max_open_orders=7", "max_open_orders=8"], "8"),
    "max_open_orders_per_symbol": (["max_open_orders_per_symbol=3"], "3"),
    "long_only": (["long_only=true"], True),
    "max_position": (["max_position=500"], "500"),
    "max_long_position": (["max_long_position=5_000"], "5_000"),
    "max_short_position": (["max_short_position=.5"], ".5"),
    "leverage": (["leverage=2.5"], "2.5"),
    "max_gross_exposure": (["max_gross_exposure=123456789.123456789"], "123456789.123456789"),
    "max_net_exposure": (["max_net_exposure=1000000"], "1000000"),
    "max_concentration": (["max_concentration=0.25"], "0.25"),
    "max_leverage": (["max_leverage=4"], "4"),
    "max_margin": (["max_margin=1"], "1"),
    "self_match": (["self_match=cancel_both"], "cancel_both"),
    "breakers": (
        [f"breakers.daily={json.dumps(BREAKER)}", "breakers.daily.percent=4", "breakers.old=null"],
        {"daily": BREAKER | {"percent": "4"}, "old": None},
    ),
}

ANSWER = RiskEvent(
    event_id="e",
    kind=RiskEventKind.LIMITS_CHANGED,
    account_id="A",
    session_id=None,
    order_id=None,
    control_id="c",
    code=None,
    text="done",
    limit_value=None,
    observed_value=None,
    actor=None,
    reason=None,
    ts=0,
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Control]:
    """Controls that commands send; nothing is connected."""
    records: list[Control] = []

    def command(settings: object, codec: object, control: ControlModel) -> RiskEvent:
        records.append(control.to_message())
        return ANSWER

    monkeypatch.setattr(control_commands, "send_control", command)
    monkeypatch.setattr(principal._Process, "principal", "")
    monkeypatch.setattr(infra_settings, "get_settings", lambda: Settings(_env_file=None))
    return records


def sent_limits(sent: list[Control], *arguments: str) -> str | None:
    sent.clear()
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return sent[0].limits


def both(sent: list[Control], words: list[str]) -> tuple[str | None, str | None]:
    options = [argument for word in words for argument in ("--limit", word)]
    opened = sent_limits(sent, "session", "open", "--account", "A", *options)
    return opened, sent_limits(sent, "risk", "limits", "set", *words, "--account", "A", "--reason", "test")


def test_the_table_has_every_limit() -> None:
    assert list(WORDS) == list(RiskLimits.model_fields)


@pytest.mark.parametrize("name", list(RiskLimits.model_fields))
def test_both_commands_send_the_same_patch(name: str, sent: list[Control]) -> None:
    words, expected = WORDS[name]
    opened, changed = both(sent, words)
    assert opened == changed
    assert opened is not None
    assert json.loads(opened) == {name: expected}
    RiskLimits().changed_by(opened)


def test_files_and_words_are_combined(tmp_path: Path, sent: list[Control]) -> None:
    toml, document = tmp_path / "limits.toml", tmp_path / "limits.json"
    toml.write_text('max_position = "7"\nlong_only = true\n[order_rate]\nlimit = 20\nwindow_ms = 1_000\n')
    document.write_text('{"max_position": {"soft": 0.9}, "breakers": {"daily": {"kind": "loss", "percent": 5.5}}}')
    opened, changed = both(sent, [f"@{toml}", f"@{document}", "order_rate.limit=30", "breakers.daily.flatten=true"])
    assert opened == changed
    assert json.loads(opened or "") == {
        "max_position": {"limit": "7", "soft": "0.9"},
        "long_only": True,
        "order_rate": {"limit": "30", "window_ms": 1000},
        "breakers": {"daily": {"kind": "loss", "percent": "5.5", "flatten": True}},
    }


def test_a_preset_takes_the_place_of_another_and_words_override_it(tmp_path: Path, sent: list[Control]) -> None:
    opened, changed = both(sent, ["preset=apex-50k", "breakers.apex-50k-trailing.amount=2000", "max_position=5"])
    assert opened == changed
    first = RiskLimits().changed_by(opened or "")
    assert {name: item.document["amount"] for name, item in first.breakers.items()} == {"apex-50k-trailing": "2000"}
    document = tmp_path / "rules.toml"
    document.write_text('preset = "ftmo-2-step"\n')
    second = first.patched(limit_changes([f"@{document}"]))
    assert list(second.breakers) == ["ftmo-2-step-daily-loss", "ftmo-2-step-max-loss"]
    assert second.max_position == first.max_position
    assert not second.patched(limit_changes(["preset=none"])).breakers


def test_presets_are_listed_with_their_source() -> None:
    table = CliRunner().invoke(app, ["risk", "presets"], catch_exceptions=False)
    assert "support.apextraderfunding.com" in table.stdout
    rows = [json.loads(line) for line in CliRunner().invoke(app, ["risk", "presets", "--json"]).stdout.splitlines()]
    assert [row["preset"] for row in rows] == ["ftmo-1-step", "ftmo-2-step", "apex-50k", "plain-desk"]
    for row in rows:
        assert RiskLimits().patched({"breakers": row["breakers"]}) == RiskLimits().patched(preset_patch(row["preset"]))
        assert all(name.startswith(row["preset"]) for name in row["breakers"])


def test_a_session_without_limits_sends_none(sent: list[Control]) -> None:
    assert sent_limits(sent, "session", "open", "--account", "A") is None


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("max_position", "max_position: must be NAME=VALUE"),
        ("=5", "=5: must be NAME=VALUE"),
        ("max_position..limit=5", "must be NAME=VALUE"),
        ("max_positon=5", "max_positon is not a limit; there are message_rate, order_rate,"),
        ("max_position.lim=5", "max_position.lim is not a parameter of max_position; it has soft, limit"),
        ("max_position=much", "max_position.limit: 'much' is refused"),
        ("max_position=NaN", "max_position.limit: 'NaN' is refused"),
        ("max_position=", "max_position.limit: '' is refused"),
        ("leverage=false", "leverage can't be switched off"),
        ('{"max_position": 5', "must be a JSON object of limits by name"),
        ("max_position=" + "[" * 100_000, "max_position"),
        (
            "preset=apex",
            "preset: 'apex' is not known; there are ftmo-1-step, ftmo-2-step, apex-50k, plain-desk, and none",
        ),
        ('preset={"a": 1}', "preset: {'a': '1'} is not known"),
        ("@/none/limits.toml", "@/none/limits.toml: No such file or directory"),
    ],
)
def test_a_wrong_word_is_refused_by_both_commands_alike(word: str, says: str, sent: list[Control]) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        limit_changes([word])
    assert says in refused.value.message
    messages = []
    for arguments in (
        ("session", "open", "--account", "A", "--limit", word),
        ("risk", "limits", "set", word, "--account", "A", "--reason", "test"),
    ):
        result = CliRunner().invoke(app, arguments)
        assert (result.exit_code, sent) == (2, [])
        messages.append(result.stderr.partition("Error")[2])
    assert messages[0] == messages[1]


@pytest.mark.parametrize("text", ["[1, 2]", "not json", "\x00"])
def test_a_file_without_limits_is_refused(text: str, tmp_path: Path) -> None:
    for name in ("limits.json", "limits.toml"):
        file = tmp_path / name
        file.write_text(text)
        with pytest.raises(typer.BadParameter, match=name):
            limit_changes([f"@{file}"])
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(typer.BadParameter, match="must be UTF-8"):
        limit_changes([f"@{file}"])
