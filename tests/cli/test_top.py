"""`paper top` without Textual: it is fetched in a checkout, and named elsewhere."""

from __future__ import annotations

import sys

import pytest

from streams.cli import bring_textual
from streams.errors import InputError


def test_an_absent_textual_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bring_textual, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "prefix", "/elsewhere")
    with pytest.raises(InputError, match=r"pip install 'paper-trading-streams\[top\]'"):
        bring_textual.bring_textual()
