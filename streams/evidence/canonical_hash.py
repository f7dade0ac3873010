"""Hashes of plain values and of the configuration, over canonical JSON."""

from hashlib import sha256
from typing import Any

from schemas.records.canonical_json import canonical_json
from streams.core.core_config import CoreConfig


def canonical_sha256(value: Any) -> str:
    """Returns the SHA-256 of a value's canonical JSON."""
    return sha256(canonical_json(value).encode()).hexdigest()


def settings_sha256(config: CoreConfig) -> str:
    """Returns the SHA-256 of the configuration that a session or decision runs under."""
    return canonical_sha256(config.model_dump(mode="json"))
