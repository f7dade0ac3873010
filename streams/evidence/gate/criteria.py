"""Reads the criteria file: thresholds of each level, and parameters of the evidence."""

import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field, ValidationError

from schemas.records.enums import TradingLevel
from streams.core.accounts.state.authorisations import check_level
from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.fields import Frozen, TimeZone
from streams.errors import ReferenceDataError
from streams.evidence.metrics.conventions import DEFAULTS

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
DIRTY = "-dirty"
"""The end of a commit's name if the checkout has changes that are in no commit."""
Source = Annotated[str, Field(pattern=r"^[a-z]+:[^*]*\*?$")]
"""The source of a market, or all that begin with what stands before a *. An unknown source can't be listed."""


class Thresholds(Frozen):
    """The thresholds of a level. Each is inclusive. Shares and losses are positive fractions."""

    days_min: Count
    forward_days_min: Count
    forward_psr_min: Share
    fills_min: Count
    regimes_min: Annotated[int, Field(ge=0, le=6)]
    psr_min: Share
    dsr_min: Share
    drawdown_max: Share
    daily_loss_max: Share
    best_day_share_max: Share
    profit_factor_min: Annotated[float, Field(ge=0)]
    reject_rate_max: Share
    error_rate_max: Share
    breaker_trips_max: Count
    gaps_max: Count
    stale_share_max: Share
    profit_bps_min: Annotated[float, Field(gt=0)]
    stressed_profit_bps_min: Annotated[float, Field(gt=0)]
    fees_bps_min: Annotated[float, Field(gt=0)]
    slippage_bps_min: Annotated[float, Field(gt=0)]
    capital_multiple_max: Annotated[float, Field(gt=0)]
    symbol_share_max: Share


def _reducible(limits: dict[str, str]) -> dict[str, str]:
    check_level(limits)
    return limits


class GateLevel(Frozen):
    """A live level.

    live_capital: money that is meant to trade live, in the account's currency. limits: by name; each counts if it is
    smaller than the account's own.
    """

    expires_days: Annotated[int, Field(ge=1)]
    live_capital: Annotated[float, Field(gt=0)]
    limits: Annotated[dict[str, str], AfterValidator(_reducible)] = Field(default_factory=dict)
    criteria: Thresholds


class EvidenceConfig(Frozen):
    """The parameters of the queries that gather the evidence."""

    time_zone: TimeZone = DEFAULTS.time_zone
    annualisation: float = Field(gt=0)
    confidence: float = Field(gt=0.5, lt=1)
    cost_multiple: float = Field(ge=1)
    breaker_days: int = Field(ge=1)
    gap_seconds: int = Field(ge=1)
    stale_seconds: int = Field(ge=1)
    sources: tuple[Source, ...]
    forward_sources: tuple[Source, ...]
    forward_hours_min: float = Field(ge=0)


class Suite(Frozen):
    """A test suite whose newest report must be green, young and whole.

    passed_min: number of its cases that must have passed. tests: ids as pytest writes them, each of which must have
    passed with all its parameters.
    """

    name: str = Field(min_length=1)
    age_hours_max: float = Field(gt=0)
    passed_min: Annotated[int, Field(ge=1)]
    tests: Annotated[tuple[str, ...], Field(min_length=1)]


def case_of(test: str) -> str:
    """Returns the case that a JUnit report has for a test: `tests/a/test_b.py::test_c` is `tests.a.test_b.test_c`."""
    return test.replace(".py::", ".").replace("/", ".").replace("::", ".")


class Drift(Frozen):
    """The drift test. z: standard errors; observations_min: fills or days that each side needs."""

    z: float = Field(gt=0)
    observations_min: int = Field(ge=2)


class Criteria(Frozen):
    """The contents of the criteria file."""

    version: int
    evidence: EvidenceConfig
    suite: tuple[Suite, ...] = Field(min_length=1)
    drift: Drift
    limited_live: GateLevel
    full_live: GateLevel

    @property
    def levels(self) -> dict[TradingLevel, GateLevel]:
        """The live levels, from the lowest."""
        return {TradingLevel.LIMITED_LIVE: self.limited_live, TradingLevel.FULL_LIVE: self.full_live}


class CriteriaFile(NamedTuple):
    """The criteria with the hash of their file."""

    criteria: Criteria
    sha256: str


def read_criteria(path: Path) -> CriteriaFile:
    """Reads a criteria file. Raises ReferenceDataError that names the file and the rule that it breaks."""
    try:
        content = path.read_bytes()
        criteria = Criteria.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise ReferenceDataError(f"{path}: {error.strerror}; the gate needs its criteria") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReferenceDataError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise ReferenceDataError(f"{path}: {broken_rules(error)}") from error
    return CriteriaFile(criteria, sha256(content).hexdigest())
