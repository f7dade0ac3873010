"""Building the core's configuration from the settings and the reference files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from infra.settings import Settings
from streams.core.core_config import RULES_OF_TODAY, CoreConfig, TimeSource
from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.declarations import AccountConfig, ConversionConfig, InstrumentConfig, SimulatorConfig
from streams.core.simulators.model import ModelError
from streams.core.simulators.simulator_choice import Simulators
from streams.errors import ReferenceDataError
from streams.pipeline.reference.calendar_names import is_calendar
from streams.pipeline.reference.gate_keys_file import load_gate
from streams.pipeline.reference.limits_file import load_limits

TABLES = {"instrument", "simulator", "account", "conversion", "minor_units"}
Item = TypeVar("Item", bound=BaseModel)


def core_config(settings: Settings) -> CoreConfig:
    """Returns the configuration with which a worker of these settings runs its shards.

    Raises:
        ReferenceDataError: the instruments file or the limits file is missing or breaks a rule.
    """
    path = settings.reference_data
    document = _read(path)
    limits = load_limits(settings.limits_file)
    try:
        config = CoreConfig(
            time_source=TimeSource(settings.time_source),
            run_seed=settings.run_seed,
            mock_trading=settings.mock_trading,
            simulator=settings.simulator,
            account_partitions=settings.account_partitions,
            execution_partitions=settings.execution_partitions,
            simulators=_items(path, document, "simulator", "name", SimulatorConfig),
            accounts=_items(path, document, "account", "account_id", AccountConfig),
            instruments=_instruments(path, document),
            limits=limits.default,
            account_limits=limits.by_account,
            limits_version=limits.version,
            desk=limits.desk,
            conversions=_items(path, document, "conversion", "symbol", ConversionConfig),
            minor_units=document.get("minor_units", {}),
            gate=load_gate(settings),
            **RULES_OF_TODAY,
        )
        Simulators(config)
    except ValidationError as error:
        raise ReferenceDataError(f"{path}: {broken_rules(error, whole='file')}") from error
    except ModelError as error:
        raise ReferenceDataError(f"{path}: {error}") from error
    return config


def load_instruments(path: Path) -> tuple[InstrumentConfig, ...]:
    """Reads the instruments of an instruments file.

    Raises:
        ReferenceDataError: the file is missing or breaks a rule; names the instrument and the rule.
    """
    return _instruments(path, _read(path))


def _instruments(path: Path, document: dict[str, Any]) -> tuple[InstrumentConfig, ...]:
    found = _items(path, document, "instrument", "symbol", InstrumentConfig)
    for item in found:
        if item.calendar is not None and not is_calendar(item.calendar):
            raise ReferenceDataError(
                f"{path}: instrument {item.symbol}: {item.calendar!r} is not an exchange calendar; "
                "examples: XNYS, XLON, 24/5"
            )
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise ReferenceDataError(f"{path}: {error.strerror}; set REFERENCE_DATA to an instruments file") from error
    except tomllib.TOMLDecodeError as error:
        raise ReferenceDataError(f"{path}: not TOML: {error}") from error
    unknown = sorted(document.keys() - TABLES)
    if unknown:
        raise ReferenceDataError(
            f"{path}: unknown table {', '.join(unknown)}; write each instrument as an [[instrument]] table; other "
            f"tables are {', '.join(sorted(TABLES - {'instrument'}))}"
        )
    return document


def _items(path: Path, document: dict[str, Any], table: str, naming: str, kind: type[Item]) -> tuple[Item, ...]:
    """Validates the tables of a kind. naming: the field with a table's name."""
    found = []
    for number, item in enumerate(document.get(table, []), 1):
        try:
            found.append(kind.model_validate(item))
        except ValidationError as error:
            name = item.get(naming, f"number {number}")
            raise ReferenceDataError(f"{path}: {table} {name}: {broken_rules(error, whole='file')}") from error
    return tuple(found)
