"""Tests of `.env`: a name that no setting has is said."""

from __future__ import annotations

from pathlib import Path

from infra.env_file import strange_names
from infra.settings import Settings

SETTINGS = frozenset(map(str.upper, Settings.model_fields))
TEXT = """# NOTE=a comment
KAFKA_BOOTSTRAP_SERVER=127.0.0.1:9
export run_id = live
REGISTRY_PASSWORD=x
QQQ=1
"""


def test_misspelt_and_unknown_names_are_said(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(TEXT)
    assert list(strange_names(file, SETTINGS)) == [
        f"{file}: KAFKA_BOOTSTRAP_SERVER is no setting and has no effect; did you mean KAFKA_BOOTSTRAP_SERVERS?",
        f"{file}: QQQ is no setting and has no effect; .env.example lists the settings",
    ]


def test_no_file_says_nothing(tmp_path: Path) -> None:
    assert not list(strange_names(tmp_path / ".env", SETTINGS))
