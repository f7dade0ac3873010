"""Keys: private halves for their owner only, public halves in the configuration, and two keys that are never one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.settings import Settings
from streams.core.accounts.signed_documents import key_id, signer_of
from streams.errors import InputError, ReferenceDataError
from streams.evidence.gate.keys import (
    approver_key_file,
    gate_key_file,
    gate_signer,
    list_approver,
    listed_signer,
    make_approver_key,
    make_gate_key,
    read_signer,
)
from streams.pipeline.reference.gate_keys_file import load_gate
from streams.pipeline.reference.load_config import core_config
from tests.signing import STRANGER


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, paper_home=tmp_path / "home", kafka_security="scram", run_id="r1")


def test_a_newcomer_has_no_keys_and_a_configuration_all_the_same(settings: Settings) -> None:
    assert gate_signer(settings) is None
    gate = core_config(settings).gate
    assert (gate.run_id, gate.authenticated, gate.keys, gate.approvers) == ("r1", True, (), {})
    assert not load_gate(settings.model_copy(update={"kafka_security": "plaintext"})).authenticated


def test_made_keys_are_listed_once_and_sign(settings: Settings) -> None:
    public = make_gate_key(settings)
    bobs = make_approver_key(settings, "bob")
    assert (make_gate_key(settings), make_approver_key(settings, "bob")) == (public, bobs)
    gate = core_config(settings).gate
    assert (gate.keys, gate.approvers) == ((public,), {"bob": bobs})
    signer = gate_signer(settings)
    assert signer is not None
    signature = signer.sign("text")
    assert (signature.key_id, signer_of("text", signature.value, (bobs, public))) == (key_id(public), public)
    assert signer_of("text", signature.value, (bobs,)) is None
    listed = listed_signer(settings, gate)
    assert listed is not None
    assert listed.public_key == public
    assert listed_signer(settings, gate.model_copy(update={"keys": (STRANGER.public_key,)})) is None
    assert signer_of("texts", signature.value, (public,)) is None


def test_the_first_command_of_all_closes_the_home(settings: Settings) -> None:
    make_gate_key(settings)
    assert stat.S_IMODE(settings.paper_home.stat().st_mode) == 0o700


def test_private_halves_are_for_their_owner_only(settings: Settings) -> None:
    make_gate_key(settings)
    make_approver_key(settings, "bob")
    for path in (gate_key_file(settings), approver_key_file(settings, "bob")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path.parent
        assert "PRIVATE KEY" not in settings.gate_keys.read_text()
    gate_key_file(settings).chmod(0o640)
    with pytest.raises(InputError, match="others may read this private key; `chmod 600"):
        gate_signer(settings)


def test_an_approver_on_another_computer_gives_the_public_half(settings: Settings) -> None:
    list_approver(settings, "eve", STRANGER.public_key)
    assert load_gate(settings).approvers == {"eve": STRANGER.public_key}
    assert not approver_key_file(settings, "eve").exists()


def test_what_can_be_no_key_or_no_name_is_refused_by_name(settings: Settings) -> None:
    public = make_gate_key(settings)
    for name, key, why in (
        ("../eve", STRANGER.public_key, "approver '../eve'"),
        ("", STRANGER.public_key, "approver ''"),
        ("eve", "beef", "no public key of 64"),
        ("eve", public, "that is the gate's key"),
    ):
        with pytest.raises(InputError, match=why):
            list_approver(settings, name, key)
    make_approver_key(settings, "bob")
    with pytest.raises(InputError, match="approver bob is listed with another key"):
        list_approver(settings, "bob", STRANGER.public_key)


def test_a_file_that_is_no_private_key_is_refused_by_name(tmp_path: Path) -> None:
    other = Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content, why in (
        ("missing", None, "No such file"),
        ("text", b"text", "no private key"),
        ("other", other, "no Ed25519 key"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
            path.chmod(0o600)
        with pytest.raises(InputError, match=f"{name}: {why}"):
            read_signer(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("keys = [", "not TOML"),
        ('keys = ["beef"]', "keys.0"),
        (f'keys = ["{STRANGER.public_key}"]\n[approvers]\neve = "{STRANGER.public_key}"', "has the gate's key"),
        ('owner = "me"', "owner"),
    ],
)
def test_a_list_of_keys_that_breaks_a_rule_stops_the_worker(settings: Settings, content: str, why: str) -> None:
    path = settings.paper_home / "keys.toml"
    path.parent.mkdir()
    path.write_text(content)
    listed = settings.model_copy(update={"gate_keys_file": str(path)})
    with pytest.raises(ReferenceDataError, match=f"keys.toml: .*{why}"):
        core_config(listed)
