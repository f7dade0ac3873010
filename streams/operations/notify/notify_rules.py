"""Reading the rules of `paper notify`: what is watched, who hears of it, and when."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.records.enums import GateDecisionKind, RiskEventKind
from schemas.records.numbers import NotRepresentable, to_money
from streams.core.reference.broken_rules import broken_rules
from streams.errors import InputError
from streams.operations.notify.health_conditions import ConditionKind
from streams.operations.notify.quiet_times import QuietTime, quiet_time

ENVIRONMENT = "env:"
FILE_BYTES_MAX = 1_000_000
RULES_MAX = 32
"""Each rule has a Kafka consumer of its own."""
OF_RECORDS = {"accounts", "strategies", "symbols"}
OWN_FIELDS: dict[str, set[str]] = {
    "risk-events": {"kinds", *OF_RECORDS},
    "rejects": {"at_least", "within_s", *OF_RECORDS},
    "fills": {"currency", "notional_at_least", *OF_RECORDS},
    "gate": {"kinds", "strategies"},
    "dead-letters": set(),
    "health": {"kinds", "lag_s"},
}
"""The fields that only some rules have, by what a rule watches."""
KINDS: dict[str, set[str]] = {
    "risk-events": set(RiskEventKind),
    "gate": set(GateDecisionKind),
    "health": set(ConditionKind),
}


def _money(number: Decimal) -> Decimal:
    try:
        to_money(number)
    except NotRepresentable as error:
        raise ValueError(str(error)) from error
    return number


class NotifyRule(BaseModel):
    """A rule: what it watches, and the targets that hear of it.

    Attributes:
        name: names the rule in messages and its place in the topics, which a new name begins anew.
        kinds: of risk events, of gate decisions or of health conditions; empty: all.
        at_least, within_s: so many refused orders of an account within so many seconds are a notice.
        notional_at_least: in the currency of the rule, which a fill must have too.
        lag_s: age in seconds of the oldest waiting record from which a consumer group is late.
        quiet: times of day at which notices wait for a digest.
        messages, per_s: a storm is more than so many messages within so many seconds; its rest comes as a digest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    watch: Literal["risk-events", "rejects", "fills", "gate", "dead-letters", "health"]
    to: tuple[str, ...] = Field(min_length=1)
    kinds: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    strategies: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()
    at_least: int = Field(10, ge=1, le=10_000)
    within_s: float = Field(60, gt=0, le=86_400)
    currency: str = Field("", max_length=16)
    notional_at_least: Annotated[Decimal, AfterValidator(_money)] = Field(Decimal(0), ge=0)
    lag_s: float = Field(60, gt=0)
    quiet: tuple[Annotated[str, AfterValidator(lambda text: quiet_time(text) and text)], ...] = ()
    messages: int = Field(10, ge=1, le=100)
    per_s: float = Field(300, gt=0, le=86_400)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        others = set().union(*OWN_FIELDS.values()) - OWN_FIELDS[self.watch]
        if wrong := sorted(self.model_fields_set & others):
            raise ValueError(f"a rule that watches {self.watch} has no {', '.join(wrong)}")
        if unknown := sorted(self.kinds - KINDS.get(self.watch, set())):
            raise ValueError(f"unknown kinds {', '.join(unknown)}; known are {', '.join(sorted(KINDS[self.watch]))}")
        if self.notional_at_least and not self.currency:
            raise ValueError("notional_at_least needs a currency: amounts of several currencies are no one size")
        return self

    @property
    def quiet_times(self) -> tuple[QuietTime, ...]:
        """The quiet times of the rule."""
        return tuple(map(quiet_time, self.quiet))


class NotifyRules(BaseModel):
    """The content of a rules file. target: a URL of Apprise for each name, or env:NAME for that of a variable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: str = "UTC"
    target: dict[str, str] = Field(min_length=1)
    rule: tuple[NotifyRule, ...] = Field(min_length=1, max_length=RULES_MAX)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        names = [rule.name for rule in self.rule]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"several rules have the name {', '.join(doubled)}")
        for rule in self.rule:
            if unknown := sorted(set(rule.to) - self.target.keys()):
                raise ValueError(f"rule {rule.name}: no target {', '.join(unknown)}; known: {', '.join(self.target)}")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"timezone {self.timezone} is none of the IANA time zone database") from error
        return self


def load_rules(path: Path, variables: Mapping[str, str] = os.environ) -> NotifyRules:
    """Reads a rules file, with the targets' URLs in place of the names of variables.

    Raises:
        InputError: the file is missing or breaks a rule, or a variable is not set; never shows a URL.
    """
    try:
        content = path.read_bytes()
        if len(content) > FILE_BYTES_MAX:
            raise InputError(
                f"{path}: a rules file has at most {FILE_BYTES_MAX:,} bytes, and this has {len(content):,}"
            )
        document = tomllib.loads(content.decode(), parse_float=Decimal)
        rules = NotifyRules.model_validate(document)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; examples/notify.toml is a rules file to begin with") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise InputError(f"{path}: {broken_rules(error, whole='rules')}") from error
    return rules.model_copy(update={"target": {name: _url(path, name, rules, variables) for name in rules.target}})


def _url(path: Path, name: str, rules: NotifyRules, variables: Mapping[str, str]) -> str:
    text = rules.target[name]
    variable = text.removeprefix(ENVIRONMENT)
    url = variables.get(variable, "") if text.startswith(ENVIRONMENT) else text
    if not url:
        raise InputError(f"{path}: target {name}: the variable {variable} is not set; set it to a URL of Apprise")
    return url
