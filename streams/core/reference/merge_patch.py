"""JSON merge patches (RFC 7396), which change limits and the configuration of re-simulations."""

from typing import Any


def merge_patch(target: Any, patch: Any) -> Any:
    """Returns the target with a JSON merge patch applied (RFC 7396); null removes a member."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
