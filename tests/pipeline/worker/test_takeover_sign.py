"""The sign of a take-over is there while it runs, changes while records are read, and no dead process leaves it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.settings import Settings
from streams.pipeline.journal.kafka_log import KafkaLogReader
from streams.pipeline.journal.memory_log import MemoryLog
from streams.pipeline.worker import takeover_sign
from streams.pipeline.worker.takeover_sign import SigningReader, TakeoverSign, last_sign, takeover_file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, paper_home=tmp_path)


def test_the_sign_is_there_during_a_takeover(settings: Settings) -> None:
    sign = TakeoverSign(settings, "w")
    assert last_sign(settings, "w") is None
    with sign.shown():
        assert last_sign(settings, "w") is not None
    assert last_sign(settings, "w") is None


def test_a_new_process_removes_the_sign_of_a_dead_one(settings: Settings) -> None:
    takeover_file(settings, "w").parent.mkdir()
    takeover_file(settings, "w").touch()
    TakeoverSign(settings, "w")
    assert last_sign(settings, "w") is None


def test_the_sign_stays_until_the_last_of_several_takeovers_ends(settings: Settings) -> None:
    sign = TakeoverSign(settings, "w")
    with sign.shown():
        with sign.shown():
            pass
        assert last_sign(settings, "w") is not None
    assert last_sign(settings, "w") is None


def test_each_record_renews_the_sign(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    for _ in range(3):
        log.append("orders", 0, None, None)
    monkeypatch.setattr(KafkaLogReader, "read", lambda _, *place: log.read(*place))
    sign = TakeoverSign(settings, "w")
    renewed: list[int | None] = []
    monkeypatch.setattr(sign, "renew", lambda: renewed.append(last_sign(settings, "w")))
    assert len(list(SigningReader(settings, sign).read("orders", 0, 0))) == len(renewed) == 3
    assert None not in renewed
    assert last_sign(settings, "w") is None


def test_a_renewal_changes_the_sign(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover_sign, "TOUCH_INTERVAL_S", 0.0)
    sign = TakeoverSign(settings, "w")
    with sign.shown():
        os.utime(takeover_file(settings, "w"), ns=(0, 0))
        sign.renew()
        assert last_sign(settings, "w") != 0
