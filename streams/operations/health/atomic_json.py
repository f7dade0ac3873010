"""JSON files that other processes read while they are replaced."""

import json
from collections.abc import Mapping
from pathlib import Path


def write_atomically(path: Path, document: Mapping[str, object]) -> None:
    """Replaces a file by a document; a reader sees the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document))
    temporary.replace(path)
