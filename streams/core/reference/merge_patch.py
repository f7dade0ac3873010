"""JSON merge patches (RFC 7396): how limits are changed and what a re-simulation changes."""

from typing import Any


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with a JSON merge patch over it (RFC 7396): null removes."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
