"""The settings that a session runs under, as one hash."""

import json
from hashlib import sha256

from streams.core.core_config import CoreConfig


def settings_sha256(config: CoreConfig) -> str:
    """SHA-256 of the configuration's canonical JSON: keys in order, no white space."""
    document = config.model_dump(mode="json")
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
