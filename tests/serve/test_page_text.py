"""Tests of numbers and times as the console writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from schemas.records.numbers import to_money, to_price
from streams.serve.console import page_text
from streams.serve.console.page_text import MINUS, NOTHING


@pytest.mark.parametrize(
    ("value", "text"),
    [("1234567.891", "1,234,567.891"), ("-0.5", f"{MINUS}0.5"), ("0", "0"), ("-1234.5", f"{MINUS}1,234.5")],
)
def test_prices_keep_every_digit(value: str, text: str) -> None:
    assert page_text.price(to_price(Decimal(value))) == text


def test_gains_and_losses_have_their_sign_beside_the_colour() -> None:
    amounts = [to_money(Decimal(text)) for text in ("1234.5", "-0.006", "0")]
    assert [page_text.gain(item) for item in amounts] == ["+1,234.50", f"{MINUS}0.01", "0.00"]
    assert [page_text.tone(item) for item in amounts] == ["gain", "loss", ""]
    assert page_text.gain(None) == page_text.price(None) == page_text.amount(None) == NOTHING


def test_times_carry_their_utc_and_escape_nothing_by_accident() -> None:
    at = datetime(2026, 1, 5, 14, 30, 0, 123_000, UTC)
    shown = page_text.instant(at.replace(tzinfo=None))
    assert 'datetime="2026-01-05T14:30:00.123Z"' in shown
    assert 'title="2026-01-05 14:30:00.123 UTC"' in shown
    assert page_text.moment_of(0) == NOTHING


def test_texts_of_records_are_escaped_and_a_missing_name_is_an_error() -> None:
    templates = page_text.environment()
    message = templates.get_template("message.html")
    assert "<script>" not in message.render(kind="bad", title="refused", text="<script>alert(1)</script>")
    with pytest.raises(Exception, match="'text' is undefined"):
        message.render(kind="bad", title="refused")


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        ([("orders", 1200)], "Replay 1,200 of orders</button>"),
        ([], "No dead letter waits"),
        (None, "<code>paper dlq replay TOPIC</code> sends them"),
    ],
)
def test_the_replay_of_dead_letters_offers_what_waits(waiting: list[tuple[str, int]] | None, said: str) -> None:
    shown = page_text.environment().get_template("health_replay.html").render(waiting=waiting)
    assert said in shown
    assert shown.count("<button") == len(waiting or ())
