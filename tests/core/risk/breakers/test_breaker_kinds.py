"""The table of breaker kinds describes every kind that operators can write, and no other."""

from typing import Any, get_args

from streams.core.risk.breakers.breaker_config import BreakerConfig, DeskConfig
from streams.core.risk.breakers.breaker_kinds import KINDS


def kinds_of(annotation: Any) -> set[str]:
    """Kinds of the models in an annotated union."""
    return {model.model_fields["kind"].default for model in get_args(get_args(annotation)[0])}


def test_the_table_has_each_kind_of_account_breakers() -> None:
    assert kinds_of(BreakerConfig) == set(KINDS)


def test_the_table_says_which_kinds_the_desk_may_have() -> None:
    _, of_desk = get_args(DeskConfig.model_fields["breakers"].annotation)
    assert kinds_of(of_desk) == {name for name, kind in KINDS.items() if kind.of_desk}
