"""Reading the limits file: risk limits of accounts and breakers of the desk, with a version."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from streams.core.reference.broken_rules import broken_rules
from streams.core.risk.breakers.breaker_config import DeskConfig
from streams.core.risk.limits import RiskLimits
from streams.errors import ReferenceDataError
from streams.pipeline.reference.presets import preset_patch

TABLES = ("version", "limits", "account", "desk")


class LimitsFile(NamedTuple):
    """The content of a limits file.

    default: limits of the accounts that the file does not name. desk: breakers over all accounts.
    """

    version: int
    default: RiskLimits
    by_account: dict[str, RiskLimits]
    desk: DeskConfig


def load_limits(path: Path) -> LimitsFile:
    """Reads a limits file.

    Raises:
        ReferenceDataError: the file is missing or breaks a rule; names the table, the limit and the rule.
    """
    document = _read(path)
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ReferenceDataError(f"{path}: version must be a positive integer, incremented with each change")
    default = _patched(path, "limits", RiskLimits(), document.get("limits", {}))
    accounts = document.get("account", {})
    if not isinstance(accounts, dict):
        raise ReferenceDataError(f"{path}: account must hold a table for each account: [account.<id>]")
    by_account = {name: _patched(path, f"account.{name}", default, patch) for name, patch in accounts.items()}
    return LimitsFile(version, default, by_account, _desk(path, document.get("desk", {})))


def _desk(path: Path, document: Any) -> DeskConfig:
    try:
        return DeskConfig.model_validate(document)
    except ValidationError as error:
        raise ReferenceDataError(f"{path}: {broken_rules(error, 'desk')}") from error


def _patched(path: Path, table: str, limits: RiskLimits, patch: Any) -> RiskLimits:
    if not isinstance(patch, dict):
        raise ReferenceDataError(f"{path}: {table} must be a table with limits by name")
    try:
        if "preset" in patch:
            limits = limits.patched(preset_patch(patch["preset"]))
        return limits.patched({name: value for name, value in patch.items() if name != "preset"})
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
        raise ReferenceDataError(f"{path}: unknown key {', '.join(unknown)}; known are {', '.join(TABLES)}")
    return document
