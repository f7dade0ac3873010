"""An extra that is absent: a checkout fetches it, and elsewhere the error names the command."""

from __future__ import annotations

import sys
import tomllib
from importlib.util import find_spec

import pytest

from infra.build import extras
from infra.build.extras import LIVE, NOTIFY, TOP, Extra
from infra.errors import MissingExtra
from infra.settings import REPOSITORY

EXTRAS = pytest.mark.parametrize("extra", [LIVE, NOTIFY, TOP], ids=lambda extra: extra.name)


@EXTRAS
def test_an_absent_extra_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch, extra: Extra) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "prefix", "/elsewhere")
    with pytest.raises(
        MissingExtra, match=rf"need.* {extra.title}: run `pip install 'paper-trading-streams\[{extra.name}\]'`"
    ):
        extras.bring(extra)


@EXTRAS
def test_an_extra_is_declared_and_pinned(extra: Extra) -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert declared[extra.name]
    assert (REPOSITORY / f"requirements-{extra.name}.lock").is_file()
    assert find_spec(extra.module), "tests have every extra"
