"""Settings have documented defaults in one place, and are passed on to other processes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.settings import REPOSITORY, Settings, get_settings


def fresh(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_example_file_lists_every_setting_with_its_default() -> None:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    listed = dict(line[1:].split("=", 1) for line in lines if re.match(r"#[A-Z_]+=", line))
    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert listed.keys() == defaults.keys()
    for name, default in defaults.items():
        expected = str(default).lower() if isinstance(default, bool) else str(default)
        assert listed[name] == expected, name


def test_a_relative_path_starts_at_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert fresh(paper_home="data").paper_home == REPOSITORY / "data"
    assert fresh().paper_home == REPOSITORY / ".paper"
    assert fresh(paper_home=str(tmp_path)).paper_home == tmp_path


def test_without_a_checkout_it_starts_at_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files that the package ships are found all the same, unless the working folder has its own."""
    monkeypatch.setattr("infra.settings.BASE_FOLDER", tmp_path)
    assert fresh(paper_home="data").paper_home == tmp_path / "data"
    assert fresh().reference_data == REPOSITORY / "infra" / "reference" / "instruments.toml"
    own = tmp_path / "infra" / "reference" / "instruments.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert fresh().reference_data == own


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("RUN_ID=from-file\nRUN_SEED=7\n")
    monkeypatch.setenv("RUN_ID", "from-environment")
    settings = Settings(_env_file=file)
    assert (settings.run_id, settings.run_seed) == ("from-environment", 7)


def test_another_process_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = fresh(paper_home=tmp_path, topic_prefix="x.", mock_trading=False, account_partitions=2)
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert fresh() == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCOUNT_PARTITIONS", "0"),
        ("TIME_SOURCE", "wall"),
        ("TOPIC_PREFIX", "no spaces"),
        ("CLICKHOUSE_DATABASE", "a;b"),
        ("MOCK_TRADING", "perhaps"),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match=f"^{name}={value}: .*correct the environment"):
        get_settings()
