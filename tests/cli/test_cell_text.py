"""Tests of cells: amounts with separators, times in ISO form, no exponent, no 1970; and of tables' widths."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from streams.cli.cell_text import cell, json_value
from streams.cli.output import print_rows

CELLS: tuple[tuple[str, Any, str], ...] = (
    ("equity", "1000000.5", "1,000,000.50"),
    ("commission", "-0.00135", "-0.0014"),
    ("equity", Decimal("0E-18"), "0.00"),
    ("equity", "-0.00000001", "0.0000"),
    ("return", -0.00013549999999984408, "-0.0001"),
    ("last_px", "49.5", "49.5"),
    ("quantity", "12000", "12,000"),
    ("opened_at", datetime(1970, 1, 1), ""),
    ("opened_at", datetime(2013, 10, 9, 14), "2013-10-09T14:00:00Z"),
    ("ts", 1_381_327_200_250_000_000, "2013-10-09T14:00:00.250Z"),
    ("ts", 0, ""),
    ("session_id", "1e5", "1e5"),
    ("price", None, ""),
)
WIDE = {"session_id": "a" * 300, "status": "OPEN"}


@pytest.mark.parametrize(("name", "value", "text"), CELLS)
def test_a_cell_is_as_a_person_reads_it(name: str, value: Any, text: str) -> None:
    assert cell(name, value) == text


def test_json_has_no_exponent_no_spoilt_digit_and_no_1970() -> None:
    values = (Decimal("0E-18"), -0.00013549999999984408, datetime(1970, 1, 1), datetime(2013, 10, 9, 14))
    assert [json_value(value) for value in values] == ["0", -0.0001355, None, "2013-10-09T14:00:00.000000Z"]


def test_a_pipe_gets_whole_ids(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([WIDE], tuple(WIDE), as_json=False)
    assert WIDE["session_id"] in capsys.readouterr().out
    print_rows([WIDE], tuple(WIDE), as_json=True)
    assert json.loads(capsys.readouterr().out) == WIDE


def test_a_narrow_terminal_gets_lines_instead_of_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    columns = {f"column_{number}": "value" for number in range(12)}
    print_rows([columns], tuple(columns), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "column_0   value"
    assert max(map(len, lines)) <= 80
