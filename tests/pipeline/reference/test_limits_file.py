"""The limits file sets the limits of sessions, accounts and the desk; errors name what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from schemas.records.enums import Side
from streams.core.risk.limits import RiskLimits
from streams.errors import ReferenceDataError
from streams.pipeline.reference.limits_file import load_limits
from tests.builders import config, new, opening, quote
from tests.core.desk import Desk, last

FILE = """
version = 3
[limits]
max_position = "50"
price_collar = {percent = "5"}
[limits.breakers.loss]
kind = "loss"
amount = "100"
[account.alice]
max_position = "7"
price_collar = false
[desk]
currency = "EUR"
[desk.breakers.total]
kind = "drawdown"
percent = "10"
"""

OWN = 'preset = "apex-50k"'


def written(folder: Path, text: str) -> Path:
    path = folder / "limits.toml"
    path.write_text(text)
    return path


def test_the_shipped_file_switches_the_controls_and_breakers_on() -> None:
    found = load_limits(Settings(_env_file=None).limits_file)
    assert found.version >= 1
    off = [name for name in RiskLimits.model_fields if getattr(found.default, name) is None]
    assert off == [
        "min_order_quantity",
        "min_order_notional",
        "stale_mark",
        "repeated_order",
        "long_only",
        "max_long_position",
        "max_short_position",
    ]
    assert {item.kind for item in found.default.breakers.values()} >= {"drawdown", "loss", "error_rate", "frequency"}


def test_accounts_patch_the_limits_and_the_desk_has_its_own(tmp_path: Path) -> None:
    found = load_limits(written(tmp_path, FILE))
    assert (found.version, found.desk.currency, list(found.desk.breakers)) == (3, "EUR", ["total"])
    alice = found.by_account["alice"]
    assert (alice.price_collar, list(alice.breakers)) == (None, ["loss"])
    core = config(limits=found.default, account_limits=found.by_account, desk=found.desk)
    desk = Desk(core)
    desk.send(opening("alice"), opening("bob"), quote())
    for account in ("alice", "bob"):
        desk.send(new("o", Side.BUY, "8", "10.00", account=account))
    assert [item.reason_code for item in desk.results if item.order_id == "o"] == ["MAX_POSITION", None]
    desk.send(new("far", Side.BUY, "1", "11.00", account="bob"))
    assert last(desk, "far").reason_code == "PRICE_COLLAR"


def test_a_preset_of_an_account_takes_the_place_of_the_default_one(tmp_path: Path) -> None:
    text = FILE.replace("[limits]", '[limits]\npreset = "plain-desk"').replace(
        "[account.alice]", "[account.alice]\n" + OWN
    )
    found = load_limits(written(tmp_path, text))
    assert list(found.default.breakers) == ["plain-desk-daily-loss", "plain-desk-drawdown", "loss"]
    assert list(found.by_account["alice"].breakers) == ["loss", "apex-50k-trailing"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "version"),
        ("version = 0", "version"),
        ("version = true", "version"),
        ("version = 1\n[limts]", "unknown key limts"),
        ("version = 1\n[limits]\nmax_positon = 5", "max_positon is not a limit"),
        ('version = 1\n[account.a]\nmax_position = "x"', "account.a"),
        ("version = 1\n[limits.breakers.b]\nkind = 'los'", "breakers.b"),
        ("version = 1\n[desk]\ninterval = 5", "desk.interval"),
        ('version = 1\n[limits]\npreset = "ftmo"', "limits: preset: 'ftmo' is not known; there are ftmo-1-step"),
        ("version = ", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ReferenceDataError, match=named):
        load_limits(written(tmp_path, text))


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ReferenceDataError, match="LIMITS_FILE"):
        load_limits(tmp_path / "none.toml")
