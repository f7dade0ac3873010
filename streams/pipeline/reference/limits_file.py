"""The limits file: versioned limits of accounts, as the core takes them."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from streams.core.risk.breakers.breaker_config import DeskConfig
from streams.core.risk.limits import RiskLimits
from streams.errors import ReferenceDataError

TABLES = ("version", "limits", "account", "desk")


class LimitsFile(NamedTuple):
    """default: of accounts that the file doesn't name. desk: breakers over all of them."""

    version: int
    default: RiskLimits
    by_account: dict[str, RiskLimits]
    desk: DeskConfig


def load_limits(path: Path) -> LimitsFile:
    """What a limits file says.

    Raises:
        ReferenceDataError: names the file, the table, the limit and the rule.
    """
    document = _read(path)
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ReferenceDataError(f"{path}: version must be a whole number from 1 on, one more with each change")
    default = _patched(path, "limits", RiskLimits(), document.get("limits", {}))
    accounts = document.get("account", {})
    if not isinstance(accounts, dict):
        raise ReferenceDataError(f"{path}: account must be a table for each account: [account.<id>]")
    by_account = {name: _patched(path, f"account.{name}", default, patch) for name, patch in accounts.items()}
    return LimitsFile(version, default, by_account, _desk(path, document.get("desk", {})))


def _desk(path: Path, document: Any) -> DeskConfig:
    try:
        return DeskConfig.model_validate(document)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, ('desk', *item['loc'])))}: {item['msg']}" for item in error.errors()]
        raise ReferenceDataError(f"{path}: {'; '.join(problems)}") from error


def _patched(path: Path, table: str, limits: RiskLimits, patch: Any) -> RiskLimits:
    if not isinstance(patch, dict):
        raise ReferenceDataError(f"{path}: {table} must be a table of limits by name")
    try:
        return limits.patched(patch)
    except ValueError as error:
        raise ReferenceDataError(f"{path}: {table}: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(), parse_float=Decimal)
    except OSError as error:
        raise ReferenceDataError(f"{path}: {error.strerror}; set LIMITS_FILE to a limits file") from error
    except tomllib.TOMLDecodeError as error:
        raise ReferenceDataError(f"{path}: not TOML: {error}") from error
    unknown = sorted(document.keys() - set(TABLES))
    if unknown:
        raise ReferenceDataError(f"{path}: {', '.join(unknown)} is not known; there are {', '.join(TABLES)}")
    return document
