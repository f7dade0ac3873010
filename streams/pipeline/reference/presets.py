"""Presets of breakers: the rules of proprietary trading firms by name, from infra/reference/presets.toml."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from typing import Any, Final

from pydantic import ValidationError

from infra.settings import REPOSITORY
from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.fields import Frozen
from streams.core.risk.breakers.breaker_config import BreakerConfigs
from streams.errors import ReferenceDataError

PRESETS_FILE: Final = REPOSITORY / "infra/reference/presets.toml"
WITHOUT: Final = "none"
"""The name that takes every preset away."""


class Preset(Frozen):
    """The breakers of a preset.

    title: its rules in words. source: where they are published. checked: the day on which they were compared with it.
    """

    title: str
    source: str
    checked: date
    breakers: BreakerConfigs


@cache
def presets() -> dict[str, Preset]:
    """Returns the presets by name. Raises ReferenceDataError: names the preset and the rule that it breaks."""
    found = {}
    for name, document in _documents().items():
        try:
            found[name] = Preset.model_validate(document)
        except ValidationError as error:
            raise ReferenceDataError(f"{PRESETS_FILE}: preset {name}: {broken_rules(error)}") from error
    return found


def preset_patch(name: Any) -> dict[str, Any]:
    """Returns the merge patch (RFC 7396) of limits that sets a preset in the place of every other preset.

    Raises ValueError with the known names.
    """
    known = presets()
    if not isinstance(name, str) or (name != WITHOUT and name not in known):
        raise ValueError(f"preset: {name!r} is not known; there are {', '.join(known)}, and {WITHOUT}")
    breakers = {breaker: None for preset in known.values() for breaker in preset.breakers}
    return {"breakers": breakers | (_documents()[name]["breakers"] if name != WITHOUT else {})}


@cache
def _documents() -> dict[str, Any]:
    return tomllib.loads(PRESETS_FILE.read_text(encoding="utf-8"))
