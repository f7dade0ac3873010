"""Tests of the console's sessions: the cookie and its token."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from streams.serve.api_keys import ApiKey, ApiKeys, KeyRole
from streams.serve.console.sign_in import SESSION_S, SignIn


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, paper_home=tmp_path / "home")


def made(settings: Settings, role: KeyRole = KeyRole.TRADER) -> tuple[ApiKeys, ApiKey]:
    keys = ApiKeys(settings)
    key = keys.checked(*keys.make("alice", role))
    assert key is not None
    return keys, key


def test_a_session_holds_until_its_end_at_every_instance(settings: Settings) -> None:
    (keys, key), clock = made(settings), Clock()
    cookie = SignIn(settings, keys, clock).cookie(key)
    other = SignIn(settings, ApiKeys(settings), clock)
    assert other.key_of(cookie) == key
    clock.now_s += SESSION_S + 1
    assert other.key_of(cookie) is None


def test_a_cookie_that_was_changed_is_none(settings: Settings) -> None:
    keys, key = made(settings)
    sign_in = SignIn(settings, keys)
    cookie = sign_in.cookie(key)
    key_id, end, proof = cookie.split(".")
    longer, other = f"{key_id}.{int(end) + 1}.{proof}", f"{key_id}.{end}.{'0' * len(proof)}"
    for wrong in (
        "",
        ".",
        "a.b.c",
        longer,
        other,
        f"{key_id}.{end}.é",
        f"PKNONE.{end}.{proof}",
        f"{key_id}.²{end}.{proof}",
    ):
        assert sign_in.key_of(wrong) is None, wrong


def test_a_revoked_key_has_no_session(settings: Settings) -> None:
    keys, key = made(settings)
    sign_in = SignIn(settings, keys)
    cookie = sign_in.cookie(key)
    keys.revoke(key.key_id)
    assert sign_in.key_of(cookie) is None


def test_a_token_belongs_to_one_session_and_is_not_its_proof(settings: Settings) -> None:
    (keys, key), clock = made(settings), Clock()
    sign_in = SignIn(settings, keys, clock)
    first = sign_in.cookie(key)
    clock.now_s += 1
    second = sign_in.cookie(key)
    assert sign_in.is_token(first, sign_in.token(first))
    for wrong in ("", "é", sign_in.token(second), first.rpartition(".")[2]):
        assert not sign_in.is_token(first, wrong), wrong
