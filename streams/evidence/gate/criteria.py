"""Reads the criteria file: thresholds of each level, and parameters of the evidence."""

import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field, ValidationError

from schemas.records.enums import TradingLevel
from streams.core.accounts.state.authorisations import check_level
from streams.core.reference.fields import Frozen, TimeZone
from streams.errors import ReferenceDataError
from streams.evidence.metrics.conventions import DEFAULTS

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
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


def _reducible(limits: dict[str, str]) -> dict[str, str]:
    check_level(limits)
    return limits


class GateLevel(Frozen):
    """A live level. limits: by name; each counts if it is smaller than the account's own."""

    expires_days: Annotated[int, Field(ge=1)]
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


class Freshness(Frozen):
    """The maximum age of a report."""

    age_hours_max: float = Field(gt=0)


class Suite(Freshness):
    """A test suite whose newest report must be green."""

    name: str = Field(min_length=1)


class Drift(Frozen):
    """The drift test. z: standard errors; observations_min: fills or days that each side needs."""

    z: float = Field(gt=0)
    observations_min: int = Field(ge=2)


class Criteria(Frozen):
    """The contents of the criteria file."""

    version: int
    evidence: EvidenceConfig
    suite: tuple[Suite, ...] = Field(min_length=1)
    reconcile: Freshness
    replay_verify: Freshness
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
        problems = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ReferenceDataError(f"{path}: {'; '.join(problems)}") from error
    return CriteriaFile(criteria, sha256(content).hexdigest())
