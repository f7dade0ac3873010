"""The core's configuration, made of the settings and the reference data."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.settings import Settings
from streams.domain.config import CoreConfig, InstrumentConfig, TimeSource
from streams.errors import ReferenceDataError


def core_config(settings: Settings) -> CoreConfig:
    """What a worker that starts with these settings asks of its shards.

    Raises:
        ReferenceDataError: the instruments file is missing or breaks a rule.
    """
    instruments = load_instruments(settings.reference_data)
    try:
        return CoreConfig(
            time_source=TimeSource(settings.time_source),
            run_seed=settings.run_seed,
            mock_trading=settings.mock_trading,
            account_partitions=settings.account_partitions,
            execution_partitions=settings.execution_partitions,
            instruments=instruments,
        )
    except ValidationError as error:
        raise ReferenceDataError(f"{settings.reference_data}: {_sentences(error)}") from error


def load_instruments(path: Path) -> tuple[InstrumentConfig, ...]:
    """The instruments of a reference data file.

    Raises:
        ReferenceDataError: names the file, the instrument and the rule.
    """
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise ReferenceDataError(f"{path}: {error.strerror}; set REFERENCE_DATA to an instruments file") from error
    except tomllib.TOMLDecodeError as error:
        raise ReferenceDataError(f"{path}: not TOML: {error}") from error
    unknown = sorted(document.keys() - {"instrument"})
    if unknown:
        raise ReferenceDataError(
            f"{path}: {', '.join(unknown)} is not known; each instrument is an [[instrument]] table"
        )
    return tuple(_instrument(path, number, item) for number, item in enumerate(document.get("instrument", []), 1))


def _instrument(path: Path, number: int, item: dict[str, Any]) -> InstrumentConfig:
    try:
        return InstrumentConfig.model_validate(item)
    except ValidationError as error:
        name = item.get("symbol", f"number {number}")
        raise ReferenceDataError(f"{path}: instrument {name}: {_sentences(error)}") from error


def _sentences(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
