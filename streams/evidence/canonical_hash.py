"""Hashes of plain values and of the configuration, over canonical JSON."""

import json
from hashlib import sha256
from typing import Any

from streams.core.core_config import CoreConfig


def canonical_sha256(value: Any) -> str:
    """Returns the SHA-256 of a value's canonical JSON: keys in order, no white space, other types as text."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


def settings_sha256(config: CoreConfig) -> str:
    """Returns the SHA-256 of the configuration that a session or decision runs under."""
    return canonical_sha256(config.model_dump(mode="json"))
