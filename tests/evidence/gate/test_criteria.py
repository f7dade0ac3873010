"""The criteria file is read whole, or refused with its name and the rule that it breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import REPOSITORY
from streams.errors import ReferenceDataError
from streams.evidence.gate.criteria import read_criteria

SHIPPED = (REPOSITORY / "infra/reference/gate.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('leverage = "1"', 'leverage = "0"', "limited_live.limits: Value error, leverage: '0' is no number"),
        ('leverage = "1"', 'order_rate = "1"', "order_rate is not a limit that a level can reduce"),
        ('leverage = "1"', 'max_fun = "1"', "max_fun is not a limit"),
        ("psr_min = 0.95", "psr_min = 95", "limited_live.criteria.psr_min"),
        ("expires_days = 30", "expires_days = 0", "limited_live.expires_days"),
        ("z = 3", "zz = 3", "drift.z"),
        ('sources = ["live:*"]', 'sources = ["*"]', "evidence.sources.0"),
        ('forward_sources = ["live:*"]', 'forward_sources = [""]', "evidence.forward_sources.0"),
        ('time_zone = "UTC"', 'time_zone = "Nowhere/Here"', "evidence.time_zone"),
        ("[drift]", "[drift", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_rule(old: str, new: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(SHIPPED.replace(old, new, 1))
    with pytest.raises(ReferenceDataError, match=r"gate\.toml") as refused:
        read_criteria(file)
    assert why in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferenceDataError, match=r"gate\.toml: No such file"):
        read_criteria(tmp_path / "gate.toml")
