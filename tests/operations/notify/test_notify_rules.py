"""A rules file is checked whole, and an error names the rule, what it breaks, and no URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import REPOSITORY
from streams.errors import InputError
from streams.operations.notify.notify_rules import load_rules

TARGET = '[target]\ndesk = "json://127.0.0.1"\n'
RULE = '[[rule]]\nname = "a"\nto = ["desk"]\n'


def test_the_example_is_a_rules_file() -> None:
    urls = {"PAPER_NOTIFY_DESK": "json://127.0.0.1:1", "PAPER_NOTIFY_OPERATIONS": "json://127.0.0.1:2"}
    rules = load_rules(REPOSITORY / "examples" / "notify.toml", urls)
    assert {rule.watch for rule in rules.rule} == {"risk-events", "rejects", "fills", "gate", "dead-letters", "health"}
    assert rules.target["desk"] == urls["PAPER_NOTIFY_DESK"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "target: Field required"),
        (TARGET + RULE + 'watch = "weather"', "watch: Input should be"),
        (TARGET + RULE + 'watch = "fills"\nkinds = ["KILLED"]', "a rule that watches fills has no kinds"),
        (TARGET + RULE + 'watch = "risk-events"\nkinds = ["KILED"]', "unknown kinds KILED; known are"),
        (TARGET + RULE + 'watch = "fills"\nnotional_at_least = 5', "needs a currency"),
        (TARGET + RULE + 'watch = "fills"\ncurrency = "USD"\nnotional_at_least = 1e-30', "notional_at_least"),
        (TARGET + RULE + 'watch = "gate"\nquiet = ["24:00-07:00"]', "quiet"),
        (TARGET + RULE + 'watch = "gate"\nquiet = ["07:00-07:00"]', "begins when it ends"),
        (TARGET + RULE + 'watch = "gate"\ncolour = "red"', "colour: Extra inputs"),
        (TARGET + (RULE + 'watch = "gate"\n') * 2, "several rules have the name a"),
        (TARGET + RULE.replace("desk", "x") + 'watch = "gate"', "rule a: no target x; known: desk"),
        ('timezone = "Mars/Base"\n' + TARGET + RULE + 'watch = "gate"', "timezone Mars/Base is none"),
        ('[target]\ndesk = "env:NOT_SET"\n' + RULE + 'watch = "gate"', "the variable NOT_SET is not set"),
        ("[target", "not TOML"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_rules(path, {})
    assert complaint in str(error.value)
    assert str(path) in str(error.value)
    assert "127.0.0.1" not in str(error.value)


def test_a_missing_file_names_the_example(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"examples/notify\.toml"):
        load_rules(tmp_path / "none.toml")
