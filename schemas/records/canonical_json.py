"""Canonical JSON: one text for each value, so that texts can be compared, hashed and signed."""

import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Returns a value as JSON: keys in order, no white space, ASCII, types that JSON lacks as text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
