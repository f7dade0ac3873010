"""The pipeline's key is made once, kept private, and differs from pipeline to pipeline."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from infra.errors import SettingsError
from infra.kafka.credentials import password_file
from infra.kafka.pipeline_key import KEY_NAME, pipeline_key
from infra.settings import Settings


def settings(home: Path, **changes: Any) -> Settings:
    return Settings(_env_file=None, paper_home=home, kafka_security="plaintext", **changes)


def test_all_processes_of_a_pipeline_find_one_private_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: pipeline_key(settings(tmp_path)), range(40)))
    assert len(keys) == 1
    path = password_file(settings(tmp_path), KEY_NAME)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == [KEY_NAME]


def test_another_prefix_has_another_key_and_a_setting_goes_before_the_file(tmp_path: Path) -> None:
    found = [
        pipeline_key(settings(tmp_path)),
        pipeline_key(settings(tmp_path, topic_prefix="b.")),
        pipeline_key(settings(tmp_path, pipeline_key="one")),
        pipeline_key(settings(tmp_path, pipeline_key="two")),
    ]
    assert len(set(found)) == 4
    assert pipeline_key(settings(tmp_path / "elsewhere", pipeline_key="one")) == found[2]


def test_acls_need_no_key(tmp_path: Path) -> None:
    assert pipeline_key(Settings(_env_file=None, paper_home=tmp_path, kafka_security="scram")) is None
    assert not list(tmp_path.iterdir())


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    password_file(settings(tmp_path), KEY_NAME).mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"the pipeline's key: .*pipeline-key: .*or set PIPELINE_KEY"):
        pipeline_key(settings(tmp_path))
